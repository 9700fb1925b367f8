/* The prompt: sessions inside running strategies (the back end, on the loop thread of what runs), and the terminal in
 * front of them. The two speak over the control socket, wherever they are: see session.h for the operations. */
#ifndef KL_PROMPT_H
#define KL_PROMPT_H

#include "control/control.h"
#include "script/script.h"

/* All sessions of a process. */
typedef struct kl_prompt kl_prompt;
/* Adds the operations of the prompt to a control. What is given is borrowed until the close. `elsewhere`: the address
 * of a simulator that is a process of its own, else NULL. NULL when memory is out, or without a control. */
kl_prompt *kl_prompt_open(kl_control *control, kl_host *host, const char *env, const char *elsewhere);
/* Ends all sessions. Before kl_control_close. Takes NULL. */
void kl_prompt_close(kl_prompt *p);

#endif
