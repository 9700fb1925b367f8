#include "control/control.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "control/operations.h"

struct kl_control {
  kl_listing *listing;
  kl_lines *lines;
  kl_operations *operations;
  kl_control_server *server;
  uv_async_t news; /* lines have come, from any thread */
  uv_timer_t look; /* whether others still find this process */
  int handles;     /* of these two that are open */
  bool unlisted;   /* that it is not listed was said */
};

/* After a logout the folder may be gone, with the process running on in a terminal multiplexer. */
enum { LOOK_MS = 5000 };

static void keep_line(void *data, kl_log_level level, const char *source, const char *text, size_t n) {
  kl_control *c = data;
  kl_lines_put(c->lines, kl_log_level_name(level), source, kl_wall_us(kl_clock_real()), text, n);
}

static void tell_news(void *data) {
  kl_control *c = data;
  if (kl_operations_read(c->operations)) uv_async_send(&c->news);
}

static void on_news(uv_async_t *h) {
  kl_control *c = h->data;
  kl_operations_lines(c->operations);
}

void kl_control_on_start(kl_control *c, kl_may_start *may, void *data) {
  if (c) kl_operations_on_start(c->operations, may, data);
}

void kl_control_on_notes(kl_control *c, kl_strategy_notes *notes, void *data) {
  if (c) kl_operations_on_notes(c->operations, notes, data);
}

static void handle_closed(uv_handle_t *h) {
  kl_control *c = h->data;
  if (--c->handles > 0) return;
  kl_lines_free(c->lines);
  free(c);
}

static void say_unlisted(kl_control *c, const kl_error *e) {
  if (!c->unlisted) kl_log_warn("kalua", "`kalua ps` does not show this process: %s", e->message);
  c->unlisted = true;
}

/* The socket, then the file that tells of it. */
static bool publish(kl_control *c, kl_error *e) {
  kl_listing *l = c->listing;
  return kl_control_server_listen(c->server, kl_listing_folder(l), kl_listing_path(l), kl_listing_socket(l), e) &&
         kl_listing_publish(l, e);
}

static void look(uv_timer_t *t) {
  kl_control *c = t->data;
  kl_error e;
  if (kl_listing_in_place(c->listing)) return;
  if (kl_listing_reopen(c->listing, &e) && publish(c, &e))
    c->unlisted = false;
  else
    say_unlisted(c, &e);
}

kl_control *kl_control_open(uv_loop_t *loop, kl_host *host, const char *env) {
  kl_error e = {0};
  kl_control *c = calloc(1, sizeof *c);
  if (c) c->lines = kl_lines_new(tell_news, c);
  if (!c || !c->lines || uv_async_init(loop, &c->news, on_news) != 0) {
    kl_log_warn("kalua", "`kalua ps` does not show this process: not enough memory");
    if (c) kl_lines_free(c->lines);
    free(c);
    return NULL;
  }
  uv_timer_init(loop, &c->look);
  c->news.data = c->look.data = c;
  c->handles = 2;
  uv_unref((uv_handle_t *)&c->news);
  uv_unref((uv_handle_t *)&c->look);
  kl_error_set(&e, KL_ERR_INTERNAL, "not enough memory");
  c->operations = kl_operations_new(host, loop, env, c->lines);
  c->server = kl_control_server_new(loop);
  bool ok = c->operations && c->server && kl_control_server_add(c->server, kl_operations_table, c->operations);
  if (!ok) {
    say_unlisted(c, &e);
    kl_control_close(c);
    return NULL;
  }
  kl_log_tap(keep_line, c);
  if (!kl_listing_open(&c->listing, &e)) {
    say_unlisted(c, &e);
    return c;
  }
  if (!publish(c, &e)) say_unlisted(c, &e);
  uv_timer_start(&c->look, look, LOOK_MS, LOOK_MS);
  return c;
}

void kl_control_account(kl_control *c, const kl_listed_account *account) {
  kl_error e = {0};
  if (!c || !c->listing) return;
  if (!kl_listing_account(c->listing, account))
    kl_log_warn("kalua", "`kalua kill` cannot cancel this process's orders when it hangs: not enough memory");
  else if (!kl_listing_publish(c->listing, &e))
    say_unlisted(c, &e);
}

void kl_control_give_lines(kl_control *c) {
  if (c && kl_operations_read(c->operations)) kl_operations_lines(c->operations);
}

kl_lines *kl_control_lines(kl_control *c) { return c ? c->lines : NULL; }

bool kl_control_adopt(kl_control *c, int fd) { return c && kl_control_server_adopt(c->server, fd); }

bool kl_control_name(kl_control *c, const char *wanted, char out[KL_LISTED_NAME]) {
  kl_error e = {0};
  if (!c) return false;
  if (!c->listing)
    snprintf(out, KL_LISTED_NAME, "%s", wanted);
  else if (!kl_listing_name(c->listing, wanted, out, &e))
    say_unlisted(c, &e);
  kl_lines_source(c->lines, out); /* without memory its lines are kept with those of the process */
  return true;
}

void kl_control_said(kl_control *c, const char *name, const char *level, const char *text, size_t n) {
  if (!c) return;
  int64_t now = kl_wall_us(kl_clock_real());
  const char *end = text + n;
  do {
    const char *line_end = memchr(text, '\n', (size_t)(end - text));
    if (!line_end) line_end = end;
    kl_lines_put(c->lines, level, name, now, text, (size_t)(line_end - text));
    text = line_end < end ? line_end + 1 : end;
  } while (text < end);
}

bool kl_control_add(kl_control *c, const kl_control_op *ops, void *data) {
  return !c || kl_control_server_add(c->server, ops, data);
}

void kl_control_close(kl_control *c) {
  if (!c) return;
  kl_log_tap(NULL, NULL);
  kl_listing_close(c->listing);
  kl_operations_close(c->operations);
  kl_control_server_close(c->server);
  uv_close((uv_handle_t *)&c->news, handle_closed);
  uv_close((uv_handle_t *)&c->look, handle_closed);
}
