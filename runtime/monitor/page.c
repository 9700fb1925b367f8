#include "monitor/page.h"

#include "base/page.h"

static void give_file(void *data, const kl_monitor_request *r, kl_monitor_answer *a) {
  const kl_page_file *f = kl_page_find(kl_web_page_files, r->path);
  (void)data;
  if (f) {
    a->type = f->type;
    a->fixed = f->data;
    a->fixed_len = f->len;
    return;
  }
  a->status = 404;
  kl_buf_str(&a->body, "there is nothing at this address\n");
}

bool kl_monitor_page(kl_monitor *m) {
  return kl_monitor_route(m, "/", KL_MONITOR_OPEN, give_file, NULL) &&
         kl_monitor_route(m, "/page/*", KL_MONITOR_OPEN, give_file, NULL);
}
