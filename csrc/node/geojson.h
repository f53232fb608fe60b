/* GeoJSON bins: is a text one JSON object? Geometry and cells are not looked at. No state. */
#pragma once

#include "base/cursor.h"

bool anp_geojson_is_object(anp_slice text);
