/* Checking and storing values. No state. */
#include "node/value.h"

#include "data/collection.h"
#include "data/json.h"

enum { INVALID_GEOJSON = 160 };

static uint8_t store_integer(anp_bins *b, const anp_particle *sent, anp_particle *out)
{
    uint64_t v = 0;
    if (sent->size == 8) {
        return ANP_OK;
    }
    if (sent->size != 1 && sent->size != 2 && sent->size != 4) {
        return ANP_PARAMETER;
    }
    for (uint32_t i = 0; i < sent->size; i++) {
        v = v << 8 | sent->data[i];
    }
    uint8_t *bytes = anp_bins_make(b, 8);
    if (bytes == NULL) {
        return ANP_SERVER_ERROR;
    }
    anp_store_be64(bytes, v);
    *out = (anp_particle){ANP_PARTICLE_INTEGER, bytes, 8};
    return ANP_OK;
}

static uint8_t store_collection(anp_bins *b, const anp_particle *sent, anp_particle *out)
{
    anp_buffer form;
    anp_buffer_init(&form, ANP_PROTO_MAX);
    anp_slice bytes_sent = {sent->data, sent->size};
    bool ok = anp_collection_store(&form, sent->type, bytes_sent) &&
              anp_collection_is_storable(bytes_sent);
    uint8_t *bytes = ok ? anp_bins_make(b, form.size) : NULL;
    if (bytes != NULL) {
        memcpy(bytes, form.data, form.size);
        *out = (anp_particle){sent->type, bytes, (uint32_t)form.size};
    }
    anp_buffer_deinit(&form);
    return bytes != NULL ? ANP_OK : ANP_SERVER_ERROR;
}

/* Looks only whether the text is one JSON object: geometry is not computed here. */
static uint8_t store_geojson(anp_bins *b, const anp_particle *sent, anp_particle *out)
{
    anp_slice text;
    if (!anp_particle_geojson(sent, &text)) {
        return ANP_PARAMETER;
    }
    if (!anp_json_is_object(text)) {
        return INVALID_GEOJSON;
    }
    uint8_t *bytes = anp_bins_make(b, 3 + text.size);
    if (bytes == NULL) {
        return ANP_SERVER_ERROR;
    }
    memset(bytes, 0, 3);
    memcpy(bytes + 3, text.data, text.size);
    *out = (anp_particle){ANP_PARTICLE_GEOJSON, bytes, (uint32_t)(3 + text.size)};
    return ANP_OK;
}

uint8_t anp_node_value(anp_bins *b, const anp_particle *sent, anp_particle *out)
{
    *out = *sent;
    switch (sent->type) {
    case ANP_PARTICLE_INTEGER:
        return store_integer(b, sent, out);
    case ANP_PARTICLE_FLOAT:
        return sent->size == 8 ? ANP_OK : ANP_PARAMETER;
    case ANP_PARTICLE_BOOL:
        return sent->size == 1 && sent->data[0] <= 1 ? ANP_OK : ANP_PARAMETER;
    case ANP_PARTICLE_LIST:
    case ANP_PARTICLE_MAP:
        return store_collection(b, sent, out);
    case ANP_PARTICLE_GEOJSON:
        return store_geojson(b, sent, out);
    case ANP_PARTICLE_STRING:
        return ANP_OK;
    default:
        return anp_particle_is_blob(sent->type) ? ANP_OK : ANP_PARAMETER;
    }
}
