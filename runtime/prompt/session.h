/* One prompt inside a strategy: the request `prompt` of a client, which stays open as long as it lives. Other requests
 * of the same connection name it by its id in the field "session". */
#ifndef KL_PROMPT_SESSION_H
#define KL_PROMPT_SESSION_H

#include <jansson.h>

#include "control/server.h"
#include "prompt/journal.h"
#include "prompt/portrait.h"
#include "prompt/prompt.h"
#include "script/strategy.h"
#include "script/task.h"

typedef struct kl_prompt_session kl_prompt_session;

/* The session that a request names; NULL with `e`. */
kl_prompt_session *kl_prompt_session_of(kl_control_call *call, const json_t *fields, kl_error *e);
kl_prompt *kl_prompt_session_prompt(const kl_prompt_session *s);
kl_strategy *kl_prompt_session_strategy(const kl_prompt_session *s);
/* The version that runs; NULL where none does. Another one after a reload. */
kl_script *kl_prompt_session_script(const kl_prompt_session *s);
bool kl_prompt_session_armed(const kl_prompt_session *s);
/* NULL with `e` (kind "permission") while it is not armed: for what changes something. `what` names it. */
bool kl_prompt_session_may(const kl_prompt_session *s, const char *what, kl_error *e);
/* Who sits at it. */
const kl_prompt_client *kl_prompt_session_client(const kl_prompt_session *s);
/* Writes to the journal what was typed here, as kl_journal_entry has it; not where the client is this process itself.
 */
void kl_prompt_session_journal(const kl_prompt_session *s, const char *op, const char *text, size_t n,
                               const char *outcome, int64_t ns);
/* Tells the other sessions inside the same strategy; `what` follows the name of who sits at this one. */
void kl_prompt_session_tell_others(kl_prompt_session *s, const char *what);
/* An event of the session; `fields` (may be NULL) is taken. */
void kl_prompt_session_event(kl_prompt_session *s, const char *event, kl_buf *fields);
/* Calls fn for every session inside this strategy. */
void kl_prompt_each_session(kl_prompt *p, const kl_strategy *g, void (*fn)(void *data, kl_prompt_session *s),
                            void *data);
/* Pushes what a name means to the inputs of this session: in the frame that it has selected, among its own variables,
 * or among the globals; without running code of the script's. False, and nothing pushed, where it means nothing. */
bool kl_prompt_session_lookup(kl_prompt_session *s, lua_State *L, const char *name); /* raises */
/* The names of the session's own variables and of modules: see kl_scope_each. Not those of the selected frame, nor of
 * the globals. */
void kl_prompt_session_each_name(kl_prompt_session *s, lua_State *L,
                                 void (*fn)(void *data, lua_State *L, const char *name), void *data); /* raises */
/* The selected frame; false where none is. */
bool kl_prompt_session_frame(const kl_prompt_session *s, uint64_t *task, int *level);

/* Sends a JSON text as events "part" {text} and then the answer, as fast as the client takes it. Both are taken.
 * Returns at once; the call must not be used after it. Its operation has kl_prompt_parts_room as `room` and
 * kl_prompt_parts_cancel as `cancel`, or calls these. */
void kl_prompt_answer_parts(kl_control_call *call, kl_buf *json, kl_buf *answer);
void kl_prompt_parts_room(void *data, kl_control_call *call);
void kl_prompt_parts_cancel(void *data, kl_control_call *call);

#endif
