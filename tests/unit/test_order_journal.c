/* The journal of orders: what was given to it is there after a restart, whatever ended the process; a file that cannot
 * be right is refused. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/log.h"
#include "trading/journal_impl.h"
#include "unit/failing_memory.h"

/* In place of the C library's: they tell when something is brought to the disk. */
static atomic_int synced;

int fsync(int fd) {
  atomic_fetch_add(&synced, 1);
  return (int)syscall(SYS_fsync, fd);
}

int fdatasync(int fd) {
  atomic_fetch_add(&synced, 1);
  return (int)syscall(SYS_fdatasync, fd);
}

static uv_loop_t loop;
static char folder[64], path[128];

static int setup(void **state) {
  (void)state;
  snprintf(folder, sizeof folder, "/tmp/kl-journal-XXXXXX");
  if (!mkdtemp(folder)) return -1;
  snprintf(path, sizeof path, "%s/orders.db", folder);
  return uv_loop_init(&loop);
}

static int teardown(void **state) {
  char command[128];
  (void)state;
  assert_int_equal(uv_loop_close(&loop), 0);
  snprintf(command, sizeof command, "rm -rf %s", folder);
  return system(command);
}

static kl_order_journal *opened(void) {
  kl_order_journal *j;
  kl_error e = {0};
  if (!kl_order_journal_open(&loop, path, &j, &e)) fail_msg("%s", e.message);
  return j;
}

static void on_closed(void *data) { *(bool *)data = true; }

static void close_journal(kl_order_journal *j) {
  bool closed = false;
  kl_order_journal_close(j, on_closed, &closed);
  while (!closed)
    uv_run(&loop, UV_RUN_ONCE);
}

static kl_desk_order order(const char *client_id) {
  kl_desk_order o = {.generation = 3,
                     .side = KL_ASK,
                     .on_no = true,
                     .yes_price = 4200,
                     .count = 1000,
                     .remaining = 1000,
                     .tif = KL_DESK_IOC,
                     .post_only = true,
                     .subaccount = 2,
                     .exchange_index = 1,
                     .created_ms = 1764000000123,
                     .expiration_ms = 1764000900000};
  snprintf(o.client_id, sizeof o.client_id, "%s", client_id);
  snprintf(o.ticker, sizeof o.ticker, "KXTEST-1");
  snprintf(o.group_id, sizeof o.group_id, "group");
  return o;
}

static kl_account_fill fill(const char *trade_id, const char *order_id, kl_count count, int64_t ts_ms) {
  kl_account_fill f = {
      .side = KL_ASK, .yes_price = 4100, .count = count, .fee = -25, .is_taker = true, .ts_ms = ts_ms, .subaccount = 2};
  snprintf(f.trade_id, sizeof f.trade_id, "%s", trade_id);
  snprintf(f.order_id, sizeof f.order_id, "%s", order_id);
  snprintf(f.ticker, sizeof f.ticker, "KXTEST-1");
  return f;
}

typedef struct {
  size_t n;
  kl_journal_order o[64];
} kept;

static void keep(void *data, const kl_journal_order *o) {
  kept *k = data;
  if (k->n < 64) k->o[k->n] = *o;
  k->n++;
}

static kept open_orders(kl_order_journal *j) {
  kept k = {0};
  kl_error e = {0};
  if (!kl_order_journal_open_orders(j, keep, &k, &e)) fail_msg("%s", e.message);
  return k;
}

typedef struct {
  int calls;
  char error[256];
} told;

static void on_written(void *data, const kl_error *e) {
  told *t = data;
  t->calls++;
  if (e) snprintf(t->error, sizeof t->error, "%.255s", e->message);
}

/* What is given is in the file before this returns. */
static void flush(kl_order_journal *j) {
  told t = {0};
  kl_desk_order o = order("flush");
  kl_order_journal_intent(j, &o, "p", true, on_written, &t);
  while (!t.calls)
    uv_run(&loop, UV_RUN_ONCE);
  assert_string_equal(t.error, "");
  o.status = KL_DESK_REJECTED;
  kl_order_journal_update(j, &o);
}

/* ---- */

static void keeps_an_order_as_it_was(void **state) {
  (void)state;
  kl_order_journal *j = opened();
  kl_desk_order o = order("maker-g3-x-1");
  kl_order_journal_intent(j, &o, "maker", false, NULL, NULL);
  snprintf(o.id, sizeof o.id, "id-1");
  o.status = KL_DESK_RESTING;
  o.filled = 300;
  o.remaining = 700;
  o.seen = 200;
  o.cost = 1234567;
  o.fees = -89;
  o.updated_ms = 1764000000456;
  snprintf(o.reason, sizeof o.reason, "Fill");
  kl_order_journal_update(j, &o);
  close_journal(j);

  j = opened();
  kept k = open_orders(j);
  assert_int_equal(k.n, 1);
  assert_false(k.o[0].own_run);
  assert_string_equal(k.o[0].party, "maker");
  const kl_desk_order *r = &k.o[0].order;
  assert_string_equal(r->client_id, "maker-g3-x-1");
  assert_string_equal(r->id, "id-1");
  assert_string_equal(r->ticker, "KXTEST-1");
  assert_string_equal(r->group_id, "group");
  assert_string_equal(r->reason, "Fill");
  assert_int_equal(r->generation, 3);
  assert_int_equal(r->side, KL_ASK);
  assert_true(r->on_no);
  assert_int_equal(r->tif, KL_DESK_IOC);
  assert_true(r->post_only);
  assert_false(r->reduce_only);
  assert_int_equal(r->status, KL_DESK_RESTING);
  assert_int_equal(r->yes_price, 4200);
  assert_int_equal(r->count, 1000);
  assert_int_equal(r->filled, 300);
  assert_int_equal(r->remaining, 700);
  assert_int_equal(r->seen, 200);
  assert_int_equal(r->cost, 1234567);
  assert_int_equal(r->fees, -89);
  assert_int_equal(r->subaccount, 2);
  assert_int_equal(r->exchange_index, 1);
  assert_int_equal(r->created_ms, 1764000000123);
  assert_int_equal(r->updated_ms, 1764000000456);
  assert_int_equal(r->expiration_ms, 1764000900000);
  char party[256];
  assert_true(kl_order_journal_party(j, "id-1", NULL, party));
  assert_string_equal(party, "maker");
  assert_true(kl_order_journal_party(j, "", "maker-g3-x-1", party));
  assert_string_equal(party, "maker");
  assert_false(kl_order_journal_party(j, "id-2", "maker-g3-x-2", party));
  assert_string_equal(party, "");
  close_journal(j);
}

static void ended_orders_are_not_open_but_for_missing_fills(void **state) {
  (void)state;
  kl_order_journal *j = opened();
  kl_desk_order a = order("a"), b = order("b");
  kl_order_journal_intent(j, &a, "p", false, NULL, NULL);
  kl_order_journal_intent(j, &b, "p", false, NULL, NULL);
  a.status = b.status = KL_DESK_FILLED;
  a.filled = b.filled = 1000;
  a.seen = 1000;
  b.seen = 400;
  a.remaining = b.remaining = 0;
  kl_order_journal_update(j, &a);
  kl_order_journal_update(j, &b);
  close_journal(j);
  j = opened();
  kept k = open_orders(j);
  assert_int_equal(k.n, 1);
  assert_string_equal(k.o[0].order.client_id, "b");
  assert_int_equal(k.o[0].order.status, KL_DESK_FILLED);
  close_journal(j);
}

/* A client id that is taken is refused by the exchange: the order that has it must not suffer for it. */
static void a_client_id_used_twice_is_two_orders(void **state) {
  (void)state;
  kl_order_journal *j = opened();
  kl_desk_order a = order("same"), b = order("same");
  b.created_ms++;
  kl_order_journal_intent(j, &a, "p", false, NULL, NULL);
  a.status = KL_DESK_RESTING;
  snprintf(a.id, sizeof a.id, "id-a");
  kl_order_journal_update(j, &a);
  kl_order_journal_intent(j, &b, "p", false, NULL, NULL);
  b.status = KL_DESK_REJECTED;
  kl_error exists;
  kl_error_set(&exists, KL_ERR_HTTP, "it exists");
  b.error = &exists;
  kl_order_journal_update(j, &b);
  close_journal(j);
  j = opened();
  kept k = open_orders(j);
  assert_int_equal(k.n, 1);
  assert_string_equal(k.o[0].order.id, "id-a");
  close_journal(j);
}

static void an_order_that_was_renamed_is_found_by_its_id(void **state) {
  (void)state;
  kl_order_journal *j = opened();
  kl_desk_order o = order("before");
  kl_order_journal_intent(j, &o, "p", false, NULL, NULL);
  snprintf(o.id, sizeof o.id, "id-1");
  o.status = KL_DESK_RESTING;
  kl_order_journal_update(j, &o);
  snprintf(o.client_id, sizeof o.client_id, "after");
  o.status = KL_DESK_CANCELED;
  kl_order_journal_update(j, &o);
  close_journal(j);
  j = opened();
  assert_int_equal(open_orders(j).n, 0);
  close_journal(j);
}

static void collect_fill(void *data, const kl_account_fill *f) {
  char *text = data;
  size_t n = strlen(text);
  snprintf(text + n, 256 - n, "%s/%s:%d@%d ", f->trade_id, f->order_id, (int)f->count, (int)f->yes_price);
}

static void fills_are_of_a_party_once_each_and_in_order(void **state) {
  (void)state;
  kl_order_journal *j = opened();
  const kl_account_fill fills[] = {fill("t2", "o1", 200, 20), fill("t1", "o1", 100, 10), fill("t2", "o1", 200, 20),
                                   fill("t2", "o2", 300, 20), fill("t3", "o3", 400, 30)};
  for (size_t i = 0; i < 5; i++)
    kl_order_journal_fill(j, &fills[i], i < 4 ? "maker" : "taker");
  close_journal(j);
  j = opened();
  char text[256] = "";
  kl_error e;
  assert_true(kl_order_journal_fills(j, "maker", collect_fill, text, &e));
  assert_string_equal(text, "t1/o1:100@4100 t2/o1:200@4100 t2/o2:300@4100 ");
  text[0] = 0;
  assert_true(kl_order_journal_order_fills(j, "o1", collect_fill, text, &e));
  assert_string_equal(text, "t1/o1:100@4100 t2/o1:200@4100 ");
  close_journal(j);
}

static void notes_are_there_at_once_and_later(void **state) {
  (void)state;
  char text[64];
  kl_order_journal *j = opened();
  assert_false(kl_order_journal_noted(j, "breaker:maker", text, sizeof text));
  kl_order_journal_note(j, "breaker:maker", "max_daily_loss");
  kl_order_journal_note(j, "group:maker:0", "g1");
  assert_true(kl_order_journal_noted(j, "breaker:maker", text, sizeof text));
  assert_string_equal(text, "max_daily_loss");
  kl_order_journal_note(j, "group:maker:0", NULL);
  assert_false(kl_order_journal_noted(j, "group:maker:0", text, sizeof text));
  close_journal(j);
  j = opened();
  assert_true(kl_order_journal_noted(j, "breaker:maker", text, sizeof text));
  assert_string_equal(text, "max_daily_loss");
  assert_false(kl_order_journal_noted(j, "group:maker:0", text, sizeof text));
  close_journal(j);
}

static void a_sync_intent_is_on_the_disk_before_it_is_told(void **state) {
  (void)state;
  kl_order_journal *j = opened();
  told t = {0};
  kl_desk_order o = order("s");
  kl_order_journal_intent(j, &o, "p", true, on_written, &t);
  assert_int_equal(t.calls, 0); /* never from within */
  while (!t.calls)
    uv_run(&loop, UV_RUN_ONCE);
  assert_string_equal(t.error, "");
  assert_int_equal(open_orders(j).n, 1);
  assert_true(open_orders(j).o[0].own_run);
  close_journal(j);
}

static void wait_flushed(kl_order_journal *j, bool sync) {
  told t = {0};
  kl_order_journal_flush(j, sync, on_written, &t);
  while (!t.calls)
    uv_run(&loop, UV_RUN_ONCE);
  assert_string_equal(t.error, "");
}

/* Also where all of it was committed before: that alone brings nothing to the disk. */
static void a_flush_that_is_waited_for_is_on_the_disk(void **state) {
  (void)state;
  kl_order_journal *j = opened();
  kl_desk_order o = order("f");
  kl_order_journal_intent(j, &o, "p", false, NULL, NULL);
  wait_flushed(j, false);
  assert_int_equal(open_orders(j).n, 1);
  int before = atomic_load(&synced);
  wait_flushed(j, true);
  assert_true(atomic_load(&synced) > before);
  close_journal(j);
}

static void everybody_who_waits_is_told_when_it_closes(void **state) {
  (void)state;
  kl_order_journal *j = opened();
  told t = {0};
  char name[16];
  for (int i = 0; i < 50; i++) {
    snprintf(name, sizeof name, "s%d", i);
    kl_desk_order o = order(name);
    kl_order_journal_intent(j, &o, "p", i % 2, on_written, &t);
  }
  close_journal(j);
  assert_int_equal(t.calls, 50);
  j = opened();
  assert_int_equal(open_orders(j).n, 50);
  close_journal(j);
}

/* ---- processes that die ---- */

/* Runs `body` in another process, which is killed, or ends itself, after having written to the pipe whatever it wants
 * to be held to. Returns that. */
static size_t in_a_child(void (*body)(int out), unsigned kill_after_us, char *out, size_t cap) {
  int ends[2];
  assert_int_equal(pipe(ends), 0);
  pid_t pid = fork();
  assert_true(pid >= 0);
  if (pid == 0) {
    close(ends[0]);
    body(ends[1]);
    _exit(0);
  }
  close(ends[1]);
  size_t n = 0;
  ssize_t k = read(ends[0], out, cap - 1); /* it is under way */
  if (k > 0) n += (size_t)k;
  if (kill_after_us) {
    usleep(kill_after_us);
    kill(pid, SIGKILL);
  }
  while ((k = read(ends[0], out + n, cap - 1 - n)) > 0)
    n += (size_t)k;
  close(ends[0]);
  out[n] = 0;
  int status;
  assert_int_equal(waitpid(pid, &status, 0), pid);
  return n;
}

/* As a desk does: the journal has it, then it is "sent". */
static void place_for_ever(int out) {
  kl_order_journal *j = NULL;
  kl_error e;
  uv_loop_t own;
  if (uv_loop_init(&own) != 0 || !kl_order_journal_open(&own, path, &j, &e)) return;
  for (int i = 0; i < 100000; i++) {
    char name[32];
    int n = snprintf(name, sizeof name, "%d-%d ", (int)getpid(), i);
    name[n - 1] = 0;
    kl_desk_order o = order(name);
    kl_order_journal_intent(j, &o, "p", false, NULL, NULL);
    name[n - 1] = ' ';
    if (write(out, name, (size_t)n) != n) return;
    snprintf(o.id, sizeof o.id, "id-%.40s", o.client_id);
    o.status = i % 3 ? KL_DESK_RESTING : KL_DESK_CANCELED;
    if (i % 3) o.filled = 100;
    kl_order_journal_update(j, &o);
    if (i % 64 == 0) usleep(300);
  }
}

static void what_was_sent_before_a_kill_is_known_after_it(void **state) {
  (void)state;
  static char sent[4 << 20];
  srand(11);
  size_t all = 0;
  for (int round = 0; round < 4; round++) {
    in_a_child(place_for_ever, (unsigned)(rand() % 30000) + 1, sent, sizeof sent);
    kl_order_journal *j = opened();
    char *rest = sent;
    for (char *name; (name = strsep(&rest, " ")) && rest;) {
      char party[256];
      if (!kl_order_journal_party(j, NULL, name, party)) fail_msg("%s is forgotten, round %d", name, round);
      all++;
    }
    close_journal(j);
  }
  assert_true(all > 100);
}

static void place_and_stay(int out) {
  loop = (uv_loop_t){0};
  uv_loop_init(&loop);
  kl_order_journal *j = opened();
  kl_desk_order o = order("theirs");
  kl_order_journal_intent(j, &o, "other", false, NULL, NULL);
  flush(j);
  if (write(out, "x", 1) == 1)
    for (;;)
      pause();
}

static void orders_of_a_process_that_runs_are_left_to_it(void **state) {
  (void)state;
  int ends[2];
  assert_int_equal(pipe(ends), 0);
  pid_t pid = fork();
  if (pid == 0) {
    close(ends[0]);
    place_and_stay(ends[1]);
    _exit(1);
  }
  char x;
  close(ends[1]);
  assert_int_equal(read(ends[0], &x, 1), 1);
  kl_order_journal *j = opened();
  kl_desk_order o = order("ours");
  kl_order_journal_intent(j, &o, "p", false, NULL, NULL);
  flush(j);
  kept k = open_orders(j);
  assert_string_equal(k.o[0].order.client_id, "ours");
  for (size_t i = 0; i < k.n; i++)
    assert_string_not_equal(k.o[i].order.client_id, "theirs");
  char party[256];
  assert_true(kl_order_journal_party(j, NULL, "theirs", party));
  assert_string_equal(party, "other");
  close_journal(j);
  kill(pid, SIGKILL);
  waitpid(pid, NULL, 0);
  close(ends[0]);
  j = opened();
  bool found = false;
  k = open_orders(j);
  for (size_t i = 0; i < k.n; i++)
    found = found || !strcmp(k.o[i].order.client_id, "theirs");
  assert_true(found);
  close_journal(j);
}

/* ---- what goes wrong ---- */

static void refused(const char *what) {
  kl_order_journal *j;
  kl_error e = {0};
  if (kl_order_journal_open(&loop, path, &j, &e)) fail_msg("opened: %s", what);
  uv_run(&loop, UV_RUN_DEFAULT);
  assert_string_equal(e.kind, KL_ERR_CONFIG);
  if (!strstr(e.message, what)) fail_msg("%s", e.message);
}

static void write_file(const char *name, const void *p, size_t n) {
  FILE *f = fopen(name, "w");
  assert_non_null(f);
  assert_int_equal(fwrite(p, 1, n, f), n);
  fclose(f);
}

static size_t read_file(const char *name, char *p, size_t cap) {
  FILE *f = fopen(name, "r");
  if (!f) return 0;
  size_t n = fread(p, 1, cap, f);
  fclose(f);
  return n;
}

static void other_files_are_refused_and_left_alone(void **state) {
  (void)state;
  char text[64];
  write_file(path, "my diary, which is not short enough to be taken for a new file", 50);
  refused("is no order journal");
  assert_int_equal(read_file(path, text, sizeof text), 50);
  unlink(path);
  assert_int_equal(mkdir(path, 0700), 0);
  refused("cannot be opened");
  rmdir(path);
  snprintf(path, sizeof path, "/proc/nowhere/orders.db");
  refused("folder cannot be made");
}

static void a_database_in_which_nothing_stands_becomes_one(void **state) {
  (void)state;
  sqlite3 *db;
  struct stat info;
  assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
  assert_int_equal(sqlite3_exec(db, "PRAGMA journal_mode = WAL", NULL, NULL, NULL), SQLITE_OK);
  sqlite3_close(db);
  assert_int_equal(stat(path, &info), 0);
  assert_true(info.st_size > 0);
  close_journal(opened());
  close_journal(opened());
}

static void a_newer_file_is_refused(void **state) {
  (void)state;
  char head[200000];
  close_journal(opened());
  size_t n = read_file(path, head, sizeof head);
  head[63] = 9;
  write_file(path, head, n);
  refused("written in form 9");
  refused("newer Kalua");
}

static void folders_are_made_and_nobody_else_reads_it(void **state) {
  (void)state;
  struct stat info;
  snprintf(path, sizeof path, "%s/a/b/orders.db", folder);
  close_journal(opened());
  assert_int_equal(stat(path, &info), 0);
  assert_int_equal(info.st_mode & 0777, 0600);
  snprintf(path, sizeof path, "%s/a/b", folder);
  assert_int_equal(stat(path, &info), 0);
  assert_int_equal(info.st_mode & 0777, 0700);
}

static void a_full_disk_refuses_what_must_be_on_it_and_keeps_the_rest(void **state) {
  (void)state;
  kl_error e;
  struct rlimit before, none;
  struct stat info;
  kl_order_journal *j = opened();
  flush(j);
  getrlimit(RLIMIT_FSIZE, &before);
  char wal[160];
  snprintf(wal, sizeof wal, "%s-wal", path);
  assert_int_equal(stat(wal, &info), 0);
  signal(SIGXFSZ, SIG_IGN);
  none = before;
  none.rlim_cur = (rlim_t)info.st_size / 2; /* files may get no larger than this */
  assert_int_equal(setrlimit(RLIMIT_FSIZE, &none), 0);
  kl_log_set_level(KL_LOG_ERROR);
  told t = {0};
  kl_desk_order a = order("a"), b = order("b");
  kl_order_journal_intent(j, &a, "p", false, NULL, NULL);
  kl_order_journal_intent(j, &b, "p", true, on_written, &t);
  while (!t.calls)
    uv_run(&loop, UV_RUN_ONCE);
  assert_non_null(strstr(t.error, "order journal"));
  assert_true(kl_order_journal_broken(j, &e));
  assert_non_null(strstr(e.message, "it is tried again"));
  assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
  for (int i = 0; i < 300 && kl_order_journal_broken(j, &e); i++) {
    uv_run(&loop, UV_RUN_NOWAIT);
    usleep(20000);
  }
  assert_false(kl_order_journal_broken(j, &e));
  close_journal(j);
  j = opened();
  char party[256];
  assert_true(kl_order_journal_party(j, NULL, "a", party));
  assert_false(kl_order_journal_party(j, NULL, "b", party)); /* it was not sent */
  close_journal(j);
}

static void flip(const char *name, unsigned *seed, int n) {
  int fd = open(name, O_RDWR);
  struct stat info;
  if (fd < 0) return;
  assert_int_equal(fstat(fd, &info), 0);
  for (int i = 0; i < n && info.st_size; i++) {
    unsigned char c;
    off_t at = (off_t)(((int64_t)rand_r(seed) << 16 ^ rand_r(seed)) % info.st_size);
    assert_int_equal(pread(fd, &c, 1, at), 1);
    c ^= (unsigned char)(1 << rand_r(seed) % 8);
    assert_int_equal(pwrite(fd, &c, 1, at), 1);
  }
  close(fd);
}

static void check_order(void *data, const kl_journal_order *o) {
  int *wrong = data, n = atoi(o->order.client_id + 1);
  if (o->order.filled != n * 100 || o->order.yes_price != 100 + n || strcmp(o->party, "p") != 0) (*wrong)++;
}

static void check_fill(void *data, const kl_account_fill *f) {
  int *wrong = data;
  if (f->count != atoi(f->trade_id + 1) * 100) (*wrong)++;
}

/* Any bytes may have changed: what is read is right, or an error says that it is not. */
static void bytes_that_changed_are_never_believed(void **state) {
  static char good[1 << 20];
  (void)state;
  kl_order_journal *j = opened();
  for (int i = 1; i <= 60; i++) {
    char name[16];
    snprintf(name, sizeof name, "c%d", i);
    kl_desk_order o = order(name);
    o.yes_price = 100 + i;
    kl_order_journal_intent(j, &o, "p", false, NULL, NULL);
    snprintf(o.id, sizeof o.id, "id-%d", i);
    o.status = KL_DESK_RESTING;
    o.filled = i * 100;
    kl_order_journal_update(j, &o);
    name[0] = 't';
    kl_account_fill f = fill(name, o.id, i * 100, i);
    kl_order_journal_fill(j, &f, "p");
  }
  close_journal(j);
  size_t n = read_file(path, good, sizeof good);
  assert_true(n > 0 && n < sizeof good);
  const char *rounds = getenv("JOURNAL_FLIPS");
  unsigned seed = 1, read = 0, refusals = 0;
  for (int i = 0; i < (rounds ? atoi(rounds) : 40); i++) {
    kl_error e = {0};
    char name[200], text[64];
    snprintf(name, sizeof name, "rm -f %.100s*", path);
    assert_int_equal(system(name), 0);
    write_file(path, good, n);
    flip(path, &seed, 1 + i % 5);
    if (!kl_order_journal_open(&loop, path, &j, &e)) {
      assert_non_null(e.kind);
      assert_true(e.message[0] != 0);
      refusals++;
      continue;
    }
    int wrong = 0;
    bool all = kl_order_journal_open_orders(j, check_order, &wrong, &e);
    all = kl_order_journal_fills(j, "p", check_fill, &wrong, &e) && all;
    (void)kl_order_journal_noted(j, "x", text, sizeof text);
    assert_int_equal(wrong, 0);
    if (all) {
      read++;
      assert_int_equal(open_orders(j).n, 60);
    }
    kl_desk_order o = order("another");
    kl_order_journal_intent(j, &o, "p", false, NULL, NULL);
    close_journal(j);
  }
  assert_true(read > 0 && refusals > 0);
}

static void a_log_that_changed_is_refused_and_half_a_row_is_not(void **state) {
  static char sent[1 << 20], log[1 << 20];
  (void)state;
  char name[200];
  size_t n = 0;
  for (int run = 1; n <= 1000 && run < 10; run++) { /* on a busy machine a child does little in so short a time */
    in_a_child(place_for_ever, 2500U << run, sent, sizeof sent);
    snprintf(name, sizeof name, "%s-run%d-a", path, run);
    n = read_file(name, log, sizeof log);
  }
  assert_true(n > 1000);
  kl_journal_row row;
  size_t k = kl_journal_unpack(log, n, &row);
  assert_true(k > 16);
  log[k + 30] ^= 4; /* in the second */
  write_file(name, log, n);
  refused("is damaged");
  log[k + 30] ^= 4;
  write_file(name, log, k + 40);
  kl_order_journal *j = opened();
  close_journal(j);
}

static void every_memory_that_is_missing_is_an_error_or_no_loss(void **state) {
  (void)state;
  kl_log_set_level(KL_LOG_ERROR);
  close_journal(opened());
  bool more = true;
  for (long n = 1; more && n < 500; n++) {
    kl_order_journal *j;
    kl_error e = {0};
    failed = false;
    allocations_left = n;
    bool ok = kl_order_journal_open(&loop, path, &j, &e);
    allocations_left = 0;
    more = failed;
    if (!ok) {
      assert_true(failed);
      assert_non_null(e.kind);
      uv_run(&loop, UV_RUN_DEFAULT);
      continue;
    }
    close_journal(j);
  }
  assert_false(more);
  more = true;
  for (long n = 1; more && n < 100; n++) {
    kl_order_journal *j = opened();
    told t = {0};
    char name[16];
    snprintf(name, sizeof name, "m%ld", n);
    kl_desk_order o = order(name);
    kl_account_fill f = fill(name, "o", 100, 1);
    failed = false;
    allocations_left = n;
    kl_order_journal_intent(j, &o, "p", true, on_written, &t);
    kl_order_journal_note(j, "k", "v");
    kl_order_journal_update(j, &o);
    kl_order_journal_fill(j, &f, "p");
    allocations_left = 0;
    more = failed;
    for (int i = 0; i < 500 && !t.calls; i++) {
      uv_run(&loop, UV_RUN_NOWAIT);
      usleep(1000);
    }
    assert_int_equal(t.calls, 1);
    char party[256];
    assert_int_equal(kl_order_journal_party(j, NULL, name, party), !t.error[0]);
    close_journal(j);
  }
  assert_false(more);
}

/* Ended a month ago: gone; what rests stays, however old. */
static void old_orders_that_ended_go(void **state) {
  (void)state;
  kl_order_journal *j = opened();
  for (int i = 0; i < 6; i++) {
    char name[16];
    snprintf(name, sizeof name, "o%d", i);
    kl_desk_order o = order(name);
    kl_order_journal_intent(j, &o, "p", false, NULL, NULL);
    o.status = i < 3 ? KL_DESK_CANCELED : KL_DESK_RESTING;
    kl_order_journal_update(j, &o);
  }
  close_journal(j);
  sqlite3 *db;
  assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
  assert_int_equal(sqlite3_exec(db, "UPDATE orders SET changed_ms = changed_ms - 2592001000 WHERE client_id <> 'o0'",
                                NULL, NULL, NULL),
                   SQLITE_OK);
  sqlite3_close(db);
  j = opened();
  assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
  sqlite3_stmt *q;
  assert_int_equal(
      sqlite3_prepare_v2(db, "SELECT group_concat(client_id) FROM (SELECT client_id FROM orders ORDER BY number)", -1,
                         &q, NULL),
      SQLITE_OK);
  char left_over[64] = "";
  for (int i = 0; i < 1000 && strcmp(left_over, "o0,o3,o4,o5") != 0; i++) {
    usleep(10000);
    assert_int_equal(sqlite3_step(q), SQLITE_ROW);
    snprintf(left_over, sizeof left_over, "%s", (const char *)sqlite3_column_text(q, 0));
    sqlite3_reset(q);
  }
  sqlite3_finalize(q);
  sqlite3_close(db);
  close_journal(j);
  assert_string_equal(left_over, "o0,o3,o4,o5");
}

static int one_more(void *count, int columns, char **values, char **names) {
  (void)columns;
  (void)values;
  (void)names;
  ++*(int *)count;
  return 0;
}

/* One ended order, whose row is as old as the rows that go; then the thread looks for such rows. */
static void place_and_forget(int out) {
  sqlite3 *db;
  loop = (uv_loop_t){0};
  uv_loop_init(&loop);
  kl_order_journal *j = opened();
  kl_desk_order o = order("old");
  kl_order_journal_intent(j, &o, "p", false, NULL, NULL);
  o.status = KL_DESK_CANCELED;
  kl_order_journal_update(j, &o);
  flush(j);
  if (sqlite3_open(path, &db) != SQLITE_OK || sqlite3_busy_timeout(db, 30000) != SQLITE_OK ||
      sqlite3_exec(db, "UPDATE orders SET changed_ms = changed_ms - 2592001000", NULL, NULL, NULL) != SQLITE_OK)
    return;
  pthread_mutex_lock(&j->lock);
  j->pruned_ns = 0;
  pthread_mutex_unlock(&j->lock);
  kl_order_journal_note(j, "any", "one");
  int left = 1;
  for (int i = 0; i < 3000 && left; i++) {
    usleep(10000);
    left = 0;
    if (sqlite3_exec(db, "SELECT 1 FROM orders", one_more, &left, NULL) != SQLITE_OK) left = 1;
  }
  if (write(out, "x", 1) == 1)
    for (;;)
      pause();
}

/* The log of a process that orders little has rows of long ago. */
static void old_orders_that_went_do_not_come_back_with_a_kill(void **state) {
  (void)state;
  char said[8], party[256];
  in_a_child(place_and_forget, 1, said, sizeof said);
  assert_string_equal(said, "x");
  kl_order_journal *j = opened();
  assert_false(kl_order_journal_party(j, NULL, "old", party));
  assert_int_equal(open_orders(j).n, 0);
  close_journal(j);
}

/* Somebody has moved the file away while a process writes it: a new file numbers its processes from 1 again. */
static void the_log_of_a_process_that_lives_is_left_alone(void **state) {
  (void)state;
  static const char *const ends[] = {"", "-wal", "-shm"};
  char from[300], to[300], log[8192];
  kl_order_journal *j = opened(), *second;
  kl_error e;
  kl_desk_order o = order("first");
  for (bool idle = false; !idle; usleep(1000)) { /* then nothing empties the log by itself */
    pthread_mutex_lock(&j->lock);
    idle = j->pruned_ns != 0;
    pthread_mutex_unlock(&j->lock);
  }
  for (int i = 0; i < 3; i++) {
    snprintf(from, sizeof from, "%s%s", path, ends[i]);
    snprintf(to, sizeof to, "%s.moved%s", path, ends[i]);
    rename(from, to);
  }
  assert_false(kl_order_journal_open(&loop, path, &second, &e));
  assert_string_equal(e.code, "journal_unusable");
  kl_order_journal_intent(j, &o, "p", false, NULL, NULL);
  snprintf(from, sizeof from, "%s-run1-a", path);
  assert_in_range(read_file(from, log, sizeof log), 100, sizeof log);
  close_journal(j);
}

int main(void) {
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
  const struct CMUnitTest tests[] = {
      TEST(keeps_an_order_as_it_was),
      TEST(ended_orders_are_not_open_but_for_missing_fills),
      TEST(a_client_id_used_twice_is_two_orders),
      TEST(an_order_that_was_renamed_is_found_by_its_id),
      TEST(fills_are_of_a_party_once_each_and_in_order),
      TEST(notes_are_there_at_once_and_later),
      TEST(a_sync_intent_is_on_the_disk_before_it_is_told),
      TEST(a_flush_that_is_waited_for_is_on_the_disk),
      TEST(everybody_who_waits_is_told_when_it_closes),
      TEST(what_was_sent_before_a_kill_is_known_after_it),
      TEST(orders_of_a_process_that_runs_are_left_to_it),
      TEST(other_files_are_refused_and_left_alone),
      TEST(a_database_in_which_nothing_stands_becomes_one),
      TEST(a_newer_file_is_refused),
      TEST(folders_are_made_and_nobody_else_reads_it),
      TEST(a_full_disk_refuses_what_must_be_on_it_and_keeps_the_rest),
      TEST(bytes_that_changed_are_never_believed),
      TEST(a_log_that_changed_is_refused_and_half_a_row_is_not),
      TEST(every_memory_that_is_missing_is_an_error_or_no_loss),
      TEST(old_orders_that_ended_go),
      TEST(old_orders_that_went_do_not_come_back_with_a_kill),
      TEST(the_log_of_a_process_that_lives_is_left_alone),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
