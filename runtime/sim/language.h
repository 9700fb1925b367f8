/* Texts of markets in the language that a client asks for: English, Spanish or Portuguese, as the exchange has them.
 * What has no translation stays English. Source: Kalshi, changelog of 27 August 2026. */
#ifndef KL_SIM_LANGUAGE_H
#define KL_SIM_LANGUAGE_H

#include "base/buf.h"

typedef enum { KL_SIM_ENGLISH, KL_SIM_SPANISH, KL_SIM_PORTUGUESE } kl_sim_language;

/* The best of the three in an Accept-Language header; English when it wants none of them, or when `header` is NULL. */
kl_sim_language kl_sim_language_read(const char *header);
/* A text in the language, at most cap - 1 bytes; the same text when it has no translation or does not fit. */
void kl_sim_translate(kl_sim_language language, const char *text, char *out, size_t cap);
/* Translates the titles, sub-titles and rules in an answer, wherever in it they are. What is no JSON is left alone. */
void kl_sim_translate_answer(kl_sim_language language, kl_buf *body);

#endif
