/* The terminal of the process for whoever draws on it, one at a time: taken with modes and codes of theirs, and given
 * back as it was whatever happens, also when a signal or an exit ends the process. */
#ifndef KL_BINDINGS_TTY_H
#define KL_BINDINGS_TTY_H

#include <stdbool.h>
#include <termios.h>

typedef struct kl_tty_way {
  void (*modes)(struct termios *modes); /* changes those of standard input, where that is a terminal */
  const char *enter, *leave;            /* codes; `leave` is written also where a sequence was cut off */
  /* What others write to standard error, where that is a terminal, is not written into what is drawn, but: */
  enum {
    KL_TTY_STDERR_KEPT /* told at the end */,
    KL_TTY_STDERR_READ /* read meanwhile: kl_tty_stderr */,
    KL_TTY_STDERR_LEFT /* it is: what is drawn stays apart */
  } errors;
} kl_tty_way;

/* `way` is borrowed until the terminal is given back. False: it is taken already. */
bool kl_tty_take(const kl_tty_way *way);
bool kl_tty_taken(void);
/* Gives it back as it was; does nothing where it is not taken. For ends of the process that do not wait for who has
 * taken it, too: async-signal-safe, from any thread. */
void kl_tty_restore(void);
/* From where what is written to standard error can be read, without waiting: a pipe, or the file that keeps it. -1:
 * it goes where it always goes. Borrowed until the terminal is given back. */
int kl_tty_stderr(void);
/* Ctrl-Z: gives it back, stops the process, and takes it again when it goes on. Not by SIGSTOP, which would stop it
 * also where no shell is there to continue it. */
void kl_tty_suspend(const kl_tty_way *way);
/* Rows and columns; 24 and 80 where the terminal does not say. */
void kl_tty_size(int *rows, int *columns);

#endif
