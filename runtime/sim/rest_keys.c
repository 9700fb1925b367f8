/* API keys. */
#include <string.h>

#include "sim/json_out.h"
#include "sim/routes.h"

static void get_api_keys(kl_sim *s, const kl_sim_request *rq, kl_sim_response *rs) {
  kl_buf *b = &rs->body;
  const kl_sim_account *a = rq->account;
  (void)s;
  kl_buf_str(b, "{\"api_keys\":[{");
  kl_sim_field_str(b, "api_key_id", a->pub.key_id);
  kl_sim_field_str(b, "name", "simulator");
  kl_buf_str(b, ",\"scopes\":[\"read\",\"write\"]");
  kl_sim_field_str(b, "key_type", !strcmp(kl_key_type(a->pub.key), "RSA") ? "rsa" : "ed25519");
  kl_buf_str(b, "}],\"api_key_region_expiration_ts\":null}");
}

const kl_sim_route kl_sim_routes_keys[] = {
    {"GetApiKeys", get_api_keys, false},
    {NULL, NULL, false},
};
