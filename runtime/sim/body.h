/* Reading the JSON body of a request. A value of the wrong JSON type is a decoding failure (`bad_request`); what has
 * the right type and makes no sense is told by a code of its own. */
#ifndef KL_SIM_BODY_H
#define KL_SIM_BODY_H

#include <jansson.h>

#include "sim/http.h"

enum { KL_SIM_DETAILS_MOST = 160 };
typedef char kl_sim_details[KL_SIM_DETAILS_MOST]; /* what is wrong, for the `details` of an error */

/* The body as an object (owned by the caller); NULL after answering 400. */
json_t *kl_sim_body_read(const kl_sim_request *rq, kl_sim_response *rs);
/* The same, and an absent body is an empty object. */
json_t *kl_sim_body_read_optional(const kl_sim_request *rq, kl_sim_response *rs);

typedef enum { KL_SIM_STRING, KL_SIM_INTEGER, KL_SIM_BOOLEAN, KL_SIM_ARRAY, KL_SIM_OBJECT } kl_sim_json_type;

/* A field of the right type, or NULL when it is absent or null. False with `details` when it is of another type. What
 * is read is borrowed from `o`. */
bool kl_sim_body_field(const json_t *o, const char *key, kl_sim_json_type want, const json_t **out, kl_sim_details d);
bool kl_sim_body_text(const json_t *o, const char *key, const char **out, kl_sim_details d); /* NULL: absent */
bool kl_sim_body_int(const json_t *o, const char *key, int64_t fallback, int64_t *out, kl_sim_details d);
bool kl_sim_body_bool(const json_t *o, const char *key, bool *out, kl_sim_details d); /* false: absent */

#endif
