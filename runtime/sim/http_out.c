/* An answer as HTTP/1.1. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "sim/http.h"

static const char *reason_of(int status) {
  switch (status) {
  case 200:
    return "OK";
  case 201:
    return "Created";
  case 204:
    return "No Content";
  case 301:
    return "Moved Permanently";
  case 400:
    return "Bad Request";
  case 401:
    return "Unauthorized";
  case 403:
    return "Forbidden";
  case 404:
    return "Not Found";
  case 405:
    return "Method Not Allowed";
  case 409:
    return "Conflict";
  case 410:
    return "Gone";
  case 411:
    return "Length Required";
  case 413:
    return "Content Too Large";
  case 415:
    return "Unsupported Media Type";
  case 414:
    return "URI Too Long";
  case 426:
    return "Upgrade Required";
  case 429:
    return "Too Many Requests";
  case 501:
    return "Not Implemented";
  case 502:
    return "Bad Gateway";
  case 503:
    return "Service Unavailable";
  case 504:
    return "Gateway Timeout";
  case 500:
    return "Internal Server Error";
  default:
    return "Error";
  }
}

/* RFC 9110, 5.6.7: "Tue, 15 Nov 1994 08:12:31 GMT", in English whatever the locale. */
static void http_date(char *out, size_t cap, int64_t us) {
  static const char days[7][4] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  static const char months[12][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                     "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  time_t t = (time_t)(us / 1000000);
  struct tm tm = {0};
  gmtime_r(&t, &tm);
  snprintf(out, cap, "%s, %02d %s %04d %02d:%02d:%02d GMT", days[tm.tm_wday % 7], tm.tm_mday, months[tm.tm_mon % 12],
           tm.tm_year + 1900, tm.tm_hour, tm.tm_min, tm.tm_sec);
}

void kl_sim_http_render(kl_buf *out, const kl_sim_response *rs, const char *method, bool close_after, int64_t now_us) {
  char date[64];
  http_date(date, sizeof date, now_us);
  kl_buf_printf(out, "HTTP/1.1 %d %s\r\nDate: %s\r\n", rs->status, reason_of(rs->status), date);
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
