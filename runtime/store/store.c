/* Calls on their way between the loop and the threads of the stores. A thread takes all that waits and does it in one
 * transaction, so that many writers share one wait for the disk. */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/map.h"
#include "base/state_folder.h"
#include "store/store_impl.h"

enum {
  STORES_MOST = 256,
  QUEUE_MOST = 50000,          /* calls that wait for one store, */
  QUEUE_BYTES_MOST = 64 << 20, /* and bytes of them */
  GROUP_MOST = 2000,           /* in one transaction */
  GROUP_BYTES_MOST = 16 << 20,
  ANSWERS_MOST = 64 << 20, /* bytes that the loop has not taken, before more is read */
  END_MS = 3000,           /* how long what waits may take at the end of the process */
  NAME_SHOWN = 100         /* bytes of a name in the name of its file */
};

static int64_t now_ns(void) { return kl_mono_ns(kl_clock_real()); }

/* ---- calls ---- */

kl_store_call *kl_store_call_new(void) { return calloc(1, sizeof(kl_store_call)); }

void kl_store_call_free(kl_store_call *c) {
  if (!c) return;
  kl_buf_free(&c->in);
  kl_buf_free(&c->out);
  free(c->ops);
  free(c->rows);
  free(c);
}

bool kl_store_call_bytes(kl_store_call *c, const void *p, size_t n, size_t *at) {
  *at = c->in.len;
  if (!kl_buf_reserve(&c->in, n)) return false;
  if (n) kl_buf_add(&c->in, p, n);
  return !c->in.failed;
}

kl_store_op *kl_store_call_add(kl_store_call *c, kl_store_verb verb, const void *key, size_t n) {
  if (c->n_ops == c->cap_ops) {
    size_t want = c->cap_ops ? c->cap_ops * 2 : 1;
    kl_store_op *grown = realloc(c->ops, want * sizeof *grown);
    if (!grown) return NULL;
    c->ops = grown;
    c->cap_ops = want;
  }
  kl_store_op *op = &c->ops[c->n_ops];
  *op = (kl_store_op){.verb = verb, .key_n = n};
  if (!kl_store_call_bytes(c, key, n, &op->key)) return NULL;
  c->n_ops++;
  return op;
}

bool kl_store_call_writes(const kl_store_call *c) {
  for (size_t i = 0; i < c->n_ops; i++)
    if (c->ops[i].verb >= KL_STORE_SET) return true;
  return false;
}

static size_t size_of(const kl_store_call *c) {
  return sizeof *c + c->in.cap + c->cap_ops * sizeof *c->ops + c->out.cap + c->cap_rows * sizeof *c->rows;
}

/* ---- queues ---- */

static void push(kl_store_queue *q, kl_store_call *c) {
  c->next = NULL;
  if (q->last)
    q->last->next = c;
  else
    q->first = c;
  q->last = c;
  q->n++;
  q->bytes += size_of(c);
}

static kl_store_call *pop(kl_store_queue *q) {
  kl_store_call *c = q->first;
  q->first = c->next;
  if (!q->first) q->last = NULL;
  q->n--;
  q->bytes -= size_of(c);
  c->next = NULL;
  return c;
}

/* ---- the thread ---- */

/* What is done next: as much as goes into one transaction. Under the lock. */
static kl_store_queue take_group(kl_store *s) {
  kl_store_queue group = {0};
  while (s->in.first && group.n < GROUP_MOST && group.bytes < GROUP_BYTES_MOST)
    push(&group, pop(&s->in));
  return group;
}

static void *work(void *data) {
  kl_store *s = data;
  pthread_mutex_lock(&s->lock);
  for (;;) {
    /* A loop that does not take its answers is not given more of them, but at the end. */
    while (!s->ending && (!s->in.first || s->done.bytes > ANSWERS_MOST))
      pthread_cond_wait(&s->wake, &s->lock);
    if (!s->in.first) break;
    kl_store_queue group = take_group(s);
    pthread_mutex_unlock(&s->lock);
    kl_store_do(&s->db, group.first);
    pthread_mutex_lock(&s->lock);
    for (kl_store_call *c = group.first, *next; c; c = next) {
      next = c->next;
      push(&s->done, c);
    }
    uv_async_send(&s->all->told);
  }
  pthread_mutex_unlock(&s->lock);
  kl_store_db_close(&s->db);
  pthread_mutex_lock(&s->lock);
  s->gone = true;
  pthread_mutex_unlock(&s->lock);
  uv_async_send(&s->all->told);
  return NULL;
}

/* Signals are for the loop's thread; SIGXFSZ (a file as large as it may be) then is the error of a write. */
static bool start_thread(kl_store *s, kl_error *e) {
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  int why = pthread_create(&s->thread, NULL, work, s);
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  s->has_thread = why == 0;
  if (why) kl_error_set(e, KL_ERR_INTERNAL, "store %.300s: there is no thread for it: %s", s->label, strerror(why));
  return s->has_thread;
}

/* ---- from the thread to the loop ---- */

/* A write whose task has ended meanwhile is nobody's any more, but what became of it is said. */
static void tell(kl_store *s, kl_store_call *c) {
  s->pending--;
  s->all->pending--;
  if (c->error.kind && !c->data && kl_store_call_writes(c))
    kl_log_error("store", "a write that nobody waits for any more failed: %s", c->error.message);
  c->done(c);
}

static void tell_all(kl_store *s) {
  pthread_mutex_lock(&s->lock);
  kl_store_queue done = s->done;
  s->done = (kl_store_queue){0};
  if (done.bytes > ANSWERS_MOST) pthread_cond_signal(&s->wake);
  pthread_mutex_unlock(&s->lock);
  while (done.first)
    tell(s, pop(&done));
}

static void free_store(kl_store *s) {
  if (s->has_thread) pthread_join(s->thread, NULL);
  kl_list_remove(&s->link);
  s->all->n--;
  if (s->listed) (void)kl_map_remove(s->all->by_key, s->key, strlen(s->key));
  kl_map_free(s->turns);
  pthread_cond_destroy(&s->wake);
  pthread_mutex_destroy(&s->lock);
  free(s->key);
  free(s->path);
  free(s->label);
  free(s);
}

static bool is_gone(kl_store *s) {
  pthread_mutex_lock(&s->lock);
  bool gone = s->gone;
  pthread_mutex_unlock(&s->lock);
  return gone;
}

static void on_told(uv_async_t *h) {
  kl_stores *all = h->data;
  for (kl_list *n = all->stores.next, *next; n != &all->stores; n = next) {
    kl_store *s = KL_CONTAINER(n, kl_store, link);
    next = n->next; /* what is told queues tasks only, so the list stays as it is */
    bool gone = is_gone(s);
    tell_all(s);
    if (gone && s->refs == 0) free_store(s);
  }
  if (all->pending == 0) uv_unref((uv_handle_t *)&all->told);
}

/* ---- from the loop to the thread ---- */

bool kl_store_submit(kl_store *s, kl_store_call *c, kl_error *e) {
  if (!s->has_thread && !start_thread(s, e)) return false;
  pthread_mutex_lock(&s->lock);
  bool room = s->in.n < QUEUE_MOST && s->in.bytes + size_of(c) <= QUEUE_BYTES_MOST;
  if (room) {
    push(&s->in, c);
    pthread_cond_signal(&s->wake);
  }
  pthread_mutex_unlock(&s->lock);
  if (!room) {
    kl_error_coded(e, KL_ERR_LIMIT, "store_busy",
                   "store %.300s: %d calls or %d MiB wait for its disk already: write less often, or several values at "
                   "once with store.batch",
                   s->label, QUEUE_MOST, QUEUE_BYTES_MOST >> 20);
    e->retryable = true;
    return false;
  }
  s->pending++;
  if (s->all->pending++ == 0) uv_ref((uv_handle_t *)&s->all->told);
  return true;
}

const char *kl_store_label(const kl_store *s) { return s->label; }

/* ---- names ---- */

/* The name of the file of that name: letters that may mean something to a file system are written by number, and what
 * is long ends with a hash in place of its rest. */
static void file_name(const char *name, kl_buf *out) {
  size_t n = strlen(name), shown = n > NAME_SHOWN ? NAME_SHOWN : n;
  for (size_t i = 0; i < shown; i++) {
    unsigned char c = (unsigned char)name[i];
    bool plain = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || strchr("-_+", c) ||
                 (c == '.' && i > 0);
    if (plain)
      kl_buf_char(out, (char)c);
    else
      kl_buf_printf(out, "%%%02X", c);
  }
  if (shown < n) kl_buf_printf(out, "%%%016" PRIx64, kl_hash_bytes(name, n));
  kl_buf_str(out, ".db");
}

static bool place(kl_store *s, const kl_stores *all, const char *name, bool shared, kl_error *e) {
  char path[4096];
  kl_buf file = {0};
  if (!all->folder) {
    s->path = strdup("");
    return s->path != NULL;
  }
  kl_buf_printf(&file, "store/%s/%s", all->folder, shared ? "shared/" : "");
  file_name(name, &file);
  bool ok = !file.failed;
  if (ok && !kl_state_path(path, sizeof path, file.data, false)) {
    kl_error_coded(e, KL_ERR_CONFIG, "store_unusable",
                   "the store %.300s has no place: %s: set XDG_STATE_HOME to a folder", path, strerror(errno));
    ok = false;
  }
  kl_buf_free(&file);
  if (ok) s->path = strdup(path);
  return s->path != NULL;
}

/* ---- life ---- */

kl_stores *kl_stores_new(uv_loop_t *loop, const char *folder) {
  kl_stores *all = calloc(1, sizeof *all);
  if (!all) return NULL;
  all->by_key = kl_map_new();
  all->folder = folder ? strdup(folder) : NULL;
  bool ok = all->by_key && (!folder || all->folder) && uv_async_init(loop, &all->told, on_told) == 0;
  if (!ok) {
    kl_map_free(all->by_key);
    free(all->folder);
    free(all);
    return NULL;
  }
  all->loop = loop;
  uv_prepare_init(loop, &all->turn);
  all->handles = 2;
  all->told.data = all->turn.data = all;
  uv_unref((uv_handle_t *)&all->told);
  uv_unref((uv_handle_t *)&all->turn);
  kl_list_init(&all->ending);
  kl_list_init(&all->stores);
  return all;
}

static void free_all(uv_handle_t *h) {
  kl_stores *all = h->data;
  if (--all->handles > 0) return;
  kl_map_free(all->by_key);
  free(all->folder);
  free(all);
}

static void end_thread(kl_store *s, int64_t end_ns) {
  if (end_ns) atomic_store(&s->end_ns, end_ns);
  pthread_mutex_lock(&s->lock);
  s->ending = true;
  pthread_cond_signal(&s->wake);
  pthread_mutex_unlock(&s->lock);
}

void kl_stores_close(kl_stores *all) {
  if (!all) return;
  kl_store_turns_end(all);
  int64_t until = now_ns() + END_MS * INT64_C(1000000);
  for (kl_list *n = all->stores.next; n != &all->stores; n = n->next) /* all at once */
    end_thread(KL_CONTAINER(n, kl_store, link), until);
  while (!kl_list_empty(&all->stores)) {
    kl_store *s = KL_CONTAINER(kl_list_take(&all->stores), kl_store, link);
    if (s->has_thread) pthread_join(s->thread, NULL);
    s->has_thread = false;
    tell_all(s);
    free_store(s);
  }
  uv_close((uv_handle_t *)&all->told, free_all);
  uv_close((uv_handle_t *)&all->turn, free_all);
}

size_t kl_stores_pending(const kl_stores *all) { return all ? all->pending : 0; }

static kl_store *new_store(kl_stores *all, const char *key, const char *name, bool shared, bool layered, kl_error *e) {
  kl_store *s = calloc(1, sizeof *s);
  bool ok = s != NULL;
  *e = (kl_error){0};
  if (ok) {
    s->all = all;
    s->layered = layered;
    s->key = strdup(key);
    ok = s->key && place(s, all, name, shared, e);
    s->label = ok ? strdup(s->path[0] ? s->path : name) : NULL;
    ok = ok && s->label && kl_map_set(all->by_key, key, strlen(key), s);
  }
  if (!ok) {
    if (!e->kind) kl_error_set(e, KL_ERR_INTERNAL, "not enough memory for the store %.100s", name);
    if (s) {
      free(s->key);
      free(s->path);
      free(s->label);
    }
    free(s);
    return NULL;
  }
  s->listed = true;
  s->db = (kl_store_db){.path = s->path, .layered = layered, .end_ns = &s->end_ns};
  pthread_mutex_init(&s->lock, NULL);
  pthread_cond_init(&s->wake, NULL);
  kl_list_init(&s->link);
  kl_list_append(&all->stores, &s->link);
  all->n++;
  return s;
}

kl_store *kl_stores_take(kl_stores *all, const char *name, bool shared, uint64_t layer, kl_error *e) {
  kl_buf key = {0};
  kl_buf_printf(&key, "%" PRIu64 " %d %s", layer, shared, name);
  kl_store *s = key.failed ? NULL : kl_map_get(all->by_key, key.data, key.len);
  if (key.failed) {
    kl_error_set(e, KL_ERR_INTERNAL, "not enough memory for the store %.100s", name);
  } else if (!s && all->n >= STORES_MOST) {
    kl_error_coded(e, KL_ERR_LIMIT, "store_too_many",
                   "store %.100s: %d stores are open in this process, which is the most: use fewer names, and begin "
                   "keys with what you would name a store by",
                   name, STORES_MOST);
  } else if (!s) {
    s = new_store(all, key.data, name, shared, layer != 0, e);
  }
  kl_buf_free(&key);
  if (s) s->refs++;
  return s;
}

/* A layer goes with the last one that holds it. The others stay open: who comes back finds what was written. */
void kl_store_release(kl_store *s) {
  if (!s || --s->refs > 0 || !s->layered) return;
  (void)kl_map_remove(s->all->by_key, s->key, strlen(s->key));
  s->listed = false;
  if (s->has_thread)
    end_thread(s, 0);
  else
    free_store(s);
}

/* ---- in memory ---- */

static void forgotten(kl_store_call *c) { kl_store_call_free(c); }

void kl_stores_forget(kl_stores *all) {
  for (kl_list *n = all ? all->stores.next : NULL; all && n != &all->stores; n = n->next) {
    kl_store *s = KL_CONTAINER(n, kl_store, link);
    kl_error e;
    if (s->path[0] || !s->has_thread) continue;
    kl_error_set(&e, KL_ERR_INTERNAL, "not enough memory");
    kl_store_call *c = kl_store_call_new();
    if (c) c->done = forgotten;
    if (c && kl_store_call_add(c, KL_STORE_FORGET, "", 0) && kl_store_submit(s, c, &e)) continue;
    kl_store_call_free(c);
    kl_log_warn("store", "what a test kept is still there for the next one: %s", e.message);
  }
}
