/* Geometry of GeoJSON on a sphere, as far as filters need it: is a point in a region? */
#pragma once

#include "base/cursor.h"

typedef enum { ANP_GEO_NO, ANP_GEO_YES, ANP_GEO_UNKNOWN } anp_geo_answer;

/* One of the two is a point, the other a region: a polygon, several, or a circle (AeroCircle), or
 * features of these. UNKNOWN: anything else, or text that makes no geometry. */
anp_geo_answer anp_geo_compare(anp_slice a, anp_slice b);
