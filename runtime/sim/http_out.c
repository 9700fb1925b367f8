/* An answer as HTTP/1.1. */
#include <string.h>

#include "net/local_http.h"
#include "sim/http.h"

void kl_sim_http_render(kl_buf *out, const kl_sim_response *rs, const char *method, bool close_after, int64_t now_us) {
  char date[64];
  kl_http_date(date, sizeof date, now_us);
  kl_buf_printf(out, "HTTP/1.1 %d %s\r\nDate: %s\r\n", rs->status, kl_http_reason(rs->status), date);
  if (rs->status != 204)
    kl_buf_printf(out, "Content-Type: %s\r\nContent-Length: %zu\r\n", rs->type ? rs->type : "application/json",
                  rs->body.len);
  if (rs->location[0]) kl_buf_printf(out, "Location: %s\r\n", rs->location);
  if (rs->allow[0]) kl_buf_printf(out, "Allow: %s\r\n", rs->allow);
  if (rs->headers) kl_buf_str(out, rs->headers);
  if (rs->status == 426) kl_buf_str(out, "Upgrade: websocket\r\n");
  if (close_after) kl_buf_str(out, "Connection: close\r\n");
  kl_buf_str(out, "\r\n");
  if (rs->status != 204 && strcmp(method, "HEAD") != 0 && rs->body.len) kl_buf_add(out, rs->body.data, rs->body.len);
}
