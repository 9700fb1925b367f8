/* What `kalua doctor` found, check by check, and the module `cli.report` by which the part of it that is written in Lua
 * adds to that. A check is printed as soon as it is known; as JSON all of them make one document at the end. */
#ifndef KL_BINDINGS_REPORT_H
#define KL_BINDINGS_REPORT_H

#include <jansson.h>

#include "bindings/bindings.h"

typedef struct kl_report kl_report;

typedef enum { KL_CHECK_OK, KL_CHECK_NOTE, KL_CHECK_WRONG } kl_check_state;

typedef struct kl_check {
  kl_check_state state;
  const char *name;   /* "DNS": stable, for programs */
  const char *text;   /* what was found */
  const char *remedy; /* what to do; NULL where nothing is to be done */
  const char *kind;   /* of what is wrong: one of base/error.h, or another literal; NULL: none */
  json_t *fields;     /* an object with the figures, for --json; taken; NULL: none */
} kl_check;

/* `colour`: the marks of the lines are coloured. NULL when out of memory. */
kl_report *kl_report_new(bool json, bool colour);
void kl_report_free(kl_report *r); /* takes NULL */

/* Takes `fields`, whatever happens. Control characters in texts are escaped. */
void kl_report_add(kl_report *r, const kl_check *c);
/* The same; the text is formatted. Each `kind` of what is wrong that comes first is kept: kl_report_kind. */
void kl_report_say(kl_report *r, const char *name, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* The kind of the first check that was wrong; NULL: none was. */
const char *kl_report_kind(const kl_report *r);
bool kl_report_ok(const kl_report *r); /* nothing is wrong */
/* As JSON: prints the document {ok, environment, checks}. `whole` false: it was broken off, and so is not ok. False
 * when memory is out. */
bool kl_report_end(kl_report *r, const char *environment, bool whole);

#endif
