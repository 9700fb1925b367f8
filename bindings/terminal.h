/* The terminal as a screen: see terminal.c. */
#ifndef KL_BINDINGS_TERMINAL_H
#define KL_BINDINGS_TERMINAL_H

/* Gives the terminal back as it was, where a script has made a screen of it; else does nothing. For ends of the process
 * that do not wait for the script: async-signal-safe. */
void kl_terminal_restore(void);

#endif
