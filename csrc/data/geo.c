/* Points, polygons and circles on a sphere. No state, no allocation: a polygon's text is walked
 * once for its direction and once for the point.
 *
 *   Point [lng, lat]   Polygon [[[lng, lat], ...], ...], the first ring outside, the others holes
 *   MultiPolygon [Polygon, ...]   AeroCircle [[lng, lat], metres]
 *
 * Edges are the shortest ways between their ends, and a ring is around its smaller side. */
#include "data/geo.h"

#include <math.h>

#include "data/json.h"

#define EARTH_METRES 6371000.0
#define DEGREE (3.14159265358979323846 / 180)

typedef struct vector {
    double x, y, z;
} vector;

typedef enum { POINT, POLYGON, MULTI_POLYGON, CIRCLE } shape;

typedef struct geometry {
    shape shape;
    anp_cursor coordinates;
} geometry;

static double dot(vector a, vector b)
{
    return a.x * b.x + a.y * b.y + a.z * b.z;
}

static vector cross(vector a, vector b)
{
    return (vector){a.y * b.z - a.z * b.y, a.z * b.x - a.x * b.z, a.x * b.y - a.y * b.x};
}

static double angle(vector a, vector b)
{
    vector c = cross(a, b);
    return atan2(sqrt(dot(c, c)), dot(a, b));
}

/* ---- text ---- */

static bool is_text(anp_slice text, const char *wanted)
{
    return text.size == strlen(wanted) && memcmp(text.data, wanted, text.size) == 0;
}

static bool open_geometry(anp_slice text, geometry *out)
{
    static const char *const names[] = {"Point", "Polygon", "MultiPolygon", "AeroCircle"};
    anp_cursor at;
    anp_slice type;
    if (!anp_json_find(text, "type", &at) || !anp_json_text(&at, &type)) {
        return false;
    }
    if (is_text(type, "Feature")) {
        if (!anp_json_find(text, "geometry", &at)) {
            return false;
        }
        text = (anp_slice){at.at, anp_cursor_left(&at)};
        if (!anp_json_find(text, "type", &at) || !anp_json_text(&at, &type)) {
            return false;
        }
    }
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (is_text(type, names[i])) {
            out->shape = (shape)i;
            return anp_json_find(text, "coordinates", &out->coordinates);
        }
    }
    return false;
}

static bool read_point(anp_cursor *c, vector *out)
{
    double lng, lat;
    if (!anp_json_take(c, '[') || !anp_json_number(c, &lng) || !anp_json_take(c, ',') ||
        !anp_json_number(c, &lat) || !anp_json_take(c, ']') || fabs(lng) > 180 || fabs(lat) > 90) {
        return false;
    }
    double ring = cos(lat * DEGREE);
    *out = (vector){ring * cos(lng * DEGREE), ring * sin(lng * DEGREE), sin(lat * DEGREE)};
    return true;
}

/* ---- rings ---- */

/* The signed area of a triangle. */
static double triangle(vector a, vector b, vector c)
{
    return 2 * atan2(dot(a, cross(b, c)), 1 + dot(a, b) + dot(b, c) + dot(c, a));
}

/* By how far one turns, standing at p, when looking from a to b. */
static double turn(vector p, vector a, vector b)
{
    vector u = cross(p, a), v = cross(p, b);
    return atan2(dot(p, cross(u, v)), dot(u, v));
}

/* Walks a ring: its signed area, and the turns of one who looks after it from p. */
static bool walk_ring(anp_cursor *c, vector p, double *area, double *turns)
{
    vector first, before, at;
    if (!anp_json_take(c, '[') || !read_point(c, &first)) {
        return false;
    }
    *area = *turns = 0;
    before = first;
    while (anp_json_take(c, ',')) {
        if (!read_point(c, &at)) {
            return false;
        }
        *area += triangle(first, before, at);
        *turns += turn(p, before, at);
        before = at;
    }
    *turns += turn(p, before, first);
    return anp_json_take(c, ']');
}

/* Around p one turns in the ring's own direction, around its opposite in the other, and not at all
 * around what lies outside. */
static bool in_ring(anp_cursor *c, vector p, bool *inside)
{
    double area, turns;
    if (!walk_ring(c, p, &area, &turns)) {
        return false;
    }
    *inside = fabs(turns) > 180 * DEGREE && (turns > 0) == (area > 0);
    return true;
}

static bool in_polygon(anp_cursor *c, vector p, bool *inside)
{
    bool hole;
    if (!anp_json_take(c, '[') || !in_ring(c, p, inside)) {
        return false;
    }
    while (anp_json_take(c, ',')) {
        if (!in_ring(c, p, &hole)) {
            return false;
        }
        *inside = *inside && !hole;
    }
    return anp_json_take(c, ']');
}

static bool in_polygons(anp_cursor *c, vector p, bool *inside)
{
    *inside = false;
    if (!anp_json_take(c, '[')) {
        return false;
    }
    do {
        bool in_one;
        if (!in_polygon(c, p, &in_one)) {
            return false;
        }
        *inside = *inside || in_one;
    } while (anp_json_take(c, ','));
    return anp_json_take(c, ']');
}

static bool in_circle(anp_cursor *c, vector p, bool *inside)
{
    vector center;
    double metres;
    if (!anp_json_take(c, '[') || !read_point(c, &center) || !anp_json_take(c, ',') ||
        !anp_json_number(c, &metres) || !anp_json_take(c, ']')) {
        return false;
    }
    *inside = angle(center, p) * EARTH_METRES <= metres;
    return true;
}

anp_geo_answer anp_geo_compare(anp_slice a, anp_slice b)
{
    geometry first, second;
    vector p;
    bool inside, ok;
    if (!open_geometry(a, &first) || !open_geometry(b, &second) ||
        (first.shape == POINT) == (second.shape == POINT)) {
        return ANP_GEO_UNKNOWN;
    }
    geometry *point = first.shape == POINT ? &first : &second;
    geometry *region = first.shape == POINT ? &second : &first;
    if (!read_point(&point->coordinates, &p)) {
        return ANP_GEO_UNKNOWN;
    }
    switch (region->shape) {
    case POLYGON:
        ok = in_polygon(&region->coordinates, p, &inside);
        break;
    case MULTI_POLYGON:
        ok = in_polygons(&region->coordinates, p, &inside);
        break;
    default:
        ok = in_circle(&region->coordinates, p, &inside);
    }
    return !ok ? ANP_GEO_UNKNOWN : inside ? ANP_GEO_YES : ANP_GEO_NO;
}
