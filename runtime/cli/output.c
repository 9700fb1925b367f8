#include "cli/output.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "bindings/writer.h"

enum {
  SHARE = 1 << 20,  /* a task that prints waits beyond it */
  LOW = SHARE / 4,  /* and goes on below this */
  DROPPED = 8 << 20 /* what cannot wait goes so far */
};

/* What one script has waiting. */
typedef struct share {
  const kl_script *script; /* only compared: it may have ended */
  size_t pending, lines_dropped;
  bool full; /* it was told that there is no room */
} share;

/* Bytes of one script, in the order in which they go out. */
typedef struct run {
  const kl_script *script;
  size_t n;
} run;

struct kl_output {
  uv_loop_t *loop;
  kl_writer *writer; /* NULL before the first line */
  int error;
  size_t counted; /* bytes of all runs */
  share *shares;
  size_t n_shares, last; /* last: the one used before */
  run *runs;             /* a ring */
  size_t cap_runs;       /* a power of two */
  size_t first, n_runs;
  void (*room)(void *data);
  void *data;
};

kl_output *kl_output_new(uv_loop_t *loop, void (*room)(void *data), void *data) {
  kl_output *o = calloc(1, sizeof *o);
  if (!o) return NULL;
  o->loop = loop;
  o->room = room;
  o->data = data;
  return o;
}

/* ---- shares ---- */

static share *share_of(kl_output *o, const kl_script *s) {
  if (o->last < o->n_shares && o->shares[o->last].script == s) return &o->shares[o->last];
  for (size_t i = 0; i < o->n_shares; i++) {
    if (o->shares[i].script != s) continue;
    o->last = i;
    return &o->shares[i];
  }
  return NULL;
}

/* The share of a script that has one from now on; NULL when memory is out. Shares without a meaning make room. */
static share *make_share(kl_output *o, const kl_script *s) {
  share *known = share_of(o, s);
  if (known) return known;
  for (size_t i = 0; i < o->n_shares; i++) {
    if (o->shares[i].pending || o->shares[i].lines_dropped || o->shares[i].full) continue;
    o->shares[i].script = s;
    o->last = i;
    return &o->shares[i];
  }
  share *grown = realloc(o->shares, (o->n_shares + 1) * sizeof *grown);
  if (!grown) return NULL;
  o->shares = grown;
  o->last = o->n_shares++;
  o->shares[o->last] = (share){.script = s};
  return &o->shares[o->last];
}

static bool add_run(kl_output *o, const kl_script *s, size_t n) {
  run *last = o->runs && o->n_runs ? &o->runs[(o->first + o->n_runs - 1) & (o->cap_runs - 1)] : NULL;
  if (last && last->script == s) {
    last->n += n;
  } else {
    if (!o->runs || o->n_runs == o->cap_runs) {
      size_t cap = o->cap_runs ? o->cap_runs * 2 : 16;
      run *wide = malloc(cap * sizeof *wide);
      if (!wide) return false;
      for (size_t i = 0; o->runs && i < o->n_runs; i++)
        wide[i] = o->runs[(o->first + i) & (o->cap_runs - 1)];
      free(o->runs);
      o->runs = wide;
      o->cap_runs = cap;
      o->first = 0;
    }
    o->runs[(o->first + o->n_runs++) & (o->cap_runs - 1)] = (run){s, n};
  }
  o->counted += n;
  return true;
}

/* Takes what went out from the shares. */
static void settle(kl_output *o) {
  size_t pending = kl_output_pending(o);
  size_t gone = o->counted - pending;
  o->counted = pending;
  while (gone && o->n_runs) {
    run *r = &o->runs[o->first];
    size_t part = gone < r->n ? gone : r->n;
    share *of = share_of(o, r->script);
    if (of) of->pending -= part;
    gone -= part;
    r->n -= part;
    if (r->n) break;
    o->first = (o->first + 1) & (o->cap_runs - 1);
    o->n_runs--;
  }
}

static void tell_dropped(share *of, const char *name) {
  kl_log_warn(name,
              "%zu printed lines are lost: what reads standard output was more than %d MiB behind, at places where "
              "print cannot wait",
              of->lines_dropped, DROPPED >> 20);
  of->lines_dropped = 0;
}

static void went_out(void *data) {
  kl_output *o = data;
  o->error = kl_writer_error(o->writer);
  settle(o);
  bool room = o->error != 0;
  for (size_t i = 0; i < o->n_shares; i++) {
    share *of = &o->shares[i];
    if (of->full && of->pending <= LOW) {
      of->full = false;
      room = true;
    }
    if (of->lines_dropped && of->pending <= LOW) tell_dropped(of, "print");
  }
  if (room) o->room(o->data);
}

bool kl_output_has_room(kl_output *o, const kl_script *s) {
  share *of = share_of(o, s);
  if (!of || o->error || of->pending <= (of->full ? LOW : SHARE)) return true;
  settle(o);
  of->full = of->pending > (of->full ? LOW : SHARE);
  return !of->full;
}

/* ---- lines ---- */

static bool open_writer(kl_output *o) {
  if (o->writer) return true;
  fflush(stdout); /* what the command itself has said comes first */
  o->writer = kl_writer_new(o->loop, STDOUT_FILENO, went_out, o);
  if (!o->writer) o->error = ENOMEM;
  return o->writer != NULL;
}

static bool add(kl_output *o, const char *prefix, const char *text, size_t n) {
  return (!prefix || (kl_writer_add(o->writer, "[", 1) && kl_writer_add(o->writer, prefix, strlen(prefix)) &&
                      kl_writer_add(o->writer, "] ", 2))) &&
         kl_writer_add(o->writer, text, n) && kl_writer_add(o->writer, "\n", 1);
}

void kl_output_line(kl_output *o, const kl_script *s, const char *prefix, const char *text, size_t n) {
  if (o->error || !open_writer(o)) return;
  share *of = make_share(o, s);
  size_t all = n + 1 + (prefix ? strlen(prefix) + 3 : 0);
  if (of && of->pending > DROPPED) settle(o);
  if (of && of->pending > DROPPED) {
    if (!of->lines_dropped++)
      kl_log_warn(kl_script_name(s), "what reads standard output does not read: printed lines are lost from here on");
    return;
  }
  if (!of || !add_run(o, s, all)) {
    o->error = ENOMEM;
    return;
  }
  of->pending += all;
  if (!add(o, prefix, text, n)) o->error = kl_writer_error(o->writer);
}

void kl_output_flush(kl_output *o) {
  if (!o->writer || o->error) return;
  kl_writer_flush(o->writer);
  went_out(o);
}

size_t kl_output_pending(const kl_output *o) {
  size_t n = 0;
  if (o->writer) (void)kl_writer_pending(o->writer, &n);
  return n;
}

int kl_output_error(const kl_output *o) { return o->error; }

void kl_output_close(kl_output *o) {
  if (!o) return;
  size_t n = 0, lines = 0;
  const char *text = o->writer && !o->error ? kl_writer_pending(o->writer, &n) : "";
  for (size_t i = 0; i < n; i++)
    lines += text[i] == '\n';
  for (size_t i = 0; i < o->n_shares; i++)
    lines += o->shares[i].lines_dropped;
  if (lines) kl_log_error("print", "%zu printed lines are lost: what reads standard output had not taken them", lines);
  kl_writer_close(o->writer);
  free(o->shares);
  free(o->runs);
  free(o);
}
