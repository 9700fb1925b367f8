/* A program that a script started: a shell's command line in a session of its own, without the environment's secrets,
 * its input or output a pipe on the loop. It ends with the script. Nothing here blocks the loop. */
#ifndef KL_SCRIPT_PROGRAM_H
#define KL_SCRIPT_PROGRAM_H

#include "base/buf.h"
#include "script/script.h"

typedef struct kl_program kl_program;

typedef enum {
  KL_PROGRAM_NO_PIPE,
  KL_PROGRAM_OUTPUT,
  KL_PROGRAM_INPUT
} kl_program_pipe; /* which of its ends is ours */
typedef enum { KL_PROGRAM_EXIT, KL_PROGRAM_DATA, KL_PROGRAM_DRAINED, KL_PROGRAM_EVENTS } kl_program_event;

typedef struct kl_program_wait {
  kl_wait wait;  /* first */
  kl_program *p; /* NULL once it is gone */
  kl_program_event what;
  bool owns;             /* the program is stopped when the wait is dropped before its end */
  int exit_code, signal; /* of an exit */
} kl_program_wait;

struct kl_program {
  uv_process_t process;
  uv_timer_t timer; /* between SIGTERM and SIGKILL */
  uv_pipe_t pipe;
  uv_shutdown_t shutdown;
  kl_member member;
  int handles;
  bool has_pipe, held, exited;
  bool finishing; /* what was written still goes out */
  int exit_code, signal;
  size_t *count; /* of the script's programs; NULL once the script has ended */
  kl_program_wait *waits[KL_PROGRAM_EVENTS];
  /* its output */
  kl_buf in; /* from `at` on not taken yet; in the first `looked` bytes of that is no line end */
  size_t at, looked, wanted;
  bool reading, end;
  int in_error, out_error; /* errno */
  size_t pending;          /* bytes written and not gone out */
};

/* Starts `sh -c command`. NULL with errno in *why. With a pipe the caller sets `held` and lets go by
 * kl_program_release or kl_program_finish_input; without, it is freed after its end. `count` is counted up, and down
 * again at its end. */
kl_program *kl_program_start(kl_script *s, const char *command, kl_program_pipe pipe, size_t *count, int *why);
/* SIGTERM to all of its session, SIGKILL two seconds later. */
void kl_program_stop(kl_program *p);
void kl_program_release(kl_program *p);
/* The same once what was written has gone out. */
void kl_program_finish_input(kl_program *p);
void kl_program_close_pipe(kl_program *p);
/* A wait for one event, registered with it; NULL when out of memory. There is none of that event yet. */
kl_program_wait *kl_program_wait_new(kl_program *p, kl_program_event what, int (*push)(lua_State *, kl_wait *));
/* Reads on until `wanted` bytes or its end are there. */
void kl_program_read_on(kl_program *p, size_t wanted);
void kl_program_consume(kl_program *p, size_t n);
bool kl_program_write(kl_program *p, const char *data, size_t n); /* copies; false with out_error */

#endif
