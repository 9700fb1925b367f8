#include "sim/language.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

kl_sim_language kl_sim_language_read(const char *header) {
  static const struct {
    const char *tag;
    kl_sim_language language;
  } known[] = {{"en", KL_SIM_ENGLISH}, {"es", KL_SIM_SPANISH}, {"pt", KL_SIM_PORTUGUESE}};
  kl_sim_language best = KL_SIM_ENGLISH;
  double most = 0;
  for (const char *p = header ? header : ""; *p;) {
    p += strspn(p, " ,");
    size_t item = strcspn(p, ","), tag = strcspn(p, ",;- "); /* "es-MX;q=0.9": the region does not matter */
    const char *q = memmem(p, item, "q=", 2);
    double weight = q ? strtod(q + 2, NULL) : 1;
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
      if (tag != 2 || strncasecmp(p, known[i].tag, 2) != 0 || weight <= most) continue;
      best = known[i].language;
      most = weight;
    }
    p += item;
  }
  return best;
}

/* English, Spanish, Portuguese. `*` stands for any text, `#` for one that begins like a number; what they stand for is
 * translated by itself. */
static const char *const phrases[][3] = {
    {"*, On * at * EST", "*, el * a las * EST", "*, em * às * EST"},
    {"*, On *", "*, el *", "*, em *"},
    {"*, After the * meeting", "*, tras la reunión de *", "*, após a reunião de *"},
    {"*, Release of *", "*, publicación de *", "*, divulgação de *"},
    {"Not *", "No: *", "Não: *"},
    {"yes *,*", "sí *,*", "sim *,*"},
    {"no *,*", "no *,*", "não *,*"},
    {"* and # more", "* y # más", "* e mais #"},
    {"yes *", "sí *", "sim *"},
    {"no *", "no *", "não *"},
    {"# or below", "# o menos", "# ou menos"},
    {"# or above", "# o más", "# ou mais"},
    {"# to #", "De # a #", "De # a #"},
    {"Above #", "Por encima de #", "Acima de #"},
    {"On * at * EST", "El * a las * EST", "Em * às * EST"},
    {"On *", "El *", "Em *"},
    {"After the * meeting", "Tras la reunión de *", "Após a reunião de *"},
    {"Release of *", "Publicación de *", "Divulgação de *"},
    {"Highest temperature in *", "Temperatura más alta en *", "Temperatura mais alta em *"},
    {"Upper bound of the federal funds rate", "Límite superior de la tasa de fondos federales",
     "Limite superior da taxa dos fundos federais"},
    {"Federal funds rate", "Tasa de fondos federales", "Taxa dos fundos federais"},
    {"Bitcoin price range", "Rango del precio de Bitcoin", "Faixa de preço do Bitcoin"},
    {"Bitcoin price above", "Precio de Bitcoin por encima de", "Preço do Bitcoin acima de"},
    {"Professional basketball game", "Partido de baloncesto profesional", "Jogo de basquete profissional"},
    {"* at * winner?", "¿Ganador de * en *?", "Vencedor de * em *?"},
    {"Who will win the House race in *?", "¿Quién ganará la elección a la Cámara en *?",
     "Quem vencerá a eleição para a Câmara em *?"},
    {"House race", "Elección a la Cámara", "Eleição para a Câmara"},
    {"Democratic party", "Partido Demócrata", "Partido Democrata"},
    {"Republican party", "Partido Republicano", "Partido Republicano"},
    {"Independent", "Independiente", "Independente"},
    {"CPI, year over year, *", "IPC interanual, *", "IPC em doze meses, *"},
    {"CPI, year over year", "IPC interanual", "IPC em doze meses"},
    {"If *, then the market resolves to Yes. Made up by the simulator.",
     "Si *, el mercado se resuelve como Sí. Inventado por el simulador.",
     "Se *, o mercado é resolvido como Sim. Inventado pelo simulador."},
    {"the highest temperature recorded at * lies in the strike range",
     "la temperatura más alta registrada en * está en el rango",
     "a temperatura mais alta registrada em * está na faixa"},
    {"the highest temperature recorded in * lies in the strike range",
     "la temperatura más alta registrada en * está en el rango",
     "a temperatura mais alta registrada em * está na faixa"},
    {"the upper bound of the target rate after the meeting is above the strike",
     "el límite superior de la tasa tras la reunión supera el umbral",
     "o limite superior da taxa após a reunião supera o limiar"},
    {"the price of Bitcoin at the named time lies in the strike range",
     "el precio de Bitcoin a la hora indicada está en el rango", "o preço do Bitcoin na hora indicada está na faixa"},
    {"the price of Bitcoin at the named time is above the strike",
     "el precio de Bitcoin a la hora indicada supera el umbral", "o preço do Bitcoin na hora indicada supera o limiar"},
    {"the named team wins the game", "el equipo nombrado gana el partido", "a equipe indicada vence o jogo"},
    {"the candidate of the named party wins the seat", "gana el escaño la candidatura del partido nombrado",
     "a candidatura do partido indicado conquista a cadeira"},
    {"the consumer price index rose by more than the strike over twelve months",
     "el índice de precios al consumo subió más que el umbral en doce meses",
     "o índice de preços ao consumidor subiu mais que o limiar em doze meses"},
    {"Combos of games", "Combinaciones de partidos", "Combinações de jogos"},
    {"Combos across categories", "Combinaciones entre categorías", "Combinações entre categorias"},
    {"The resulting market resolves to Yes only if every selected market resolves to its selected side; scalar "
     "outcomes are multiplied.",
     "El mercado resultante se resuelve como Sí solo si cada mercado elegido se resuelve por el lado elegido; los "
     "resultados escalares se multiplican.",
     "O mercado resultante é resolvido como Sim somente se cada mercado escolhido for resolvido pelo lado escolhido; "
     "os resultados escalares são multiplicados."},
    {"* on *", "* el *", "* em *"},
    {"* at *", "* en *", "* em *"},
    {"*, *", "*, *", "*, *"},
};

typedef struct part {
  const char *at;
  size_t n;
} part;
enum { PARTS_MOST = 3, DEPTH_MOST = 12 /* a combo has up to 10 legs */ };

/* Whether a text is of a phrase; `parts` get what the wildcards stand for, each as little as possible. */
static bool fits(const char *phrase, const char *text, size_t n, part *parts, size_t n_parts) {
  size_t literal = strcspn(phrase, "*#");
  if (literal > n || memcmp(phrase, text, literal) != 0) return false;
  if (!phrase[literal]) return literal == n;
  if (n_parts == PARTS_MOST) return false;
  text += literal;
  n -= literal;
  if (phrase[literal] == '#' && (n == 0 || !strchr("0123456789$-", text[0]))) return false;
  for (size_t k = 1; k <= n; k++) {
    if (!fits(phrase + literal + 1, text + k, n - k, parts, n_parts + 1)) continue;
    parts[n_parts] = (part){text, k};
    return true;
  }
  return false;
}

static void translate(kl_buf *b, kl_sim_language language, const char *text, size_t n, int depth) {
  part parts[PARTS_MOST] = {{NULL, 0}};
  size_t i = 0, next = 0, known = sizeof phrases / sizeof *phrases;
  while (i < known && !fits(phrases[i][KL_SIM_ENGLISH], text, n, parts, 0))
    i++;
  if (i == known || depth == DEPTH_MOST) {
    kl_buf_add(b, text, n);
    return;
  }
  for (const char *p = phrases[i][language]; *p; p++) {
    if (*p != '*' && *p != '#') {
      kl_buf_char(b, *p);
    } else if (next < PARTS_MOST) {
      translate(b, language, parts[next].at, parts[next].n, depth + 1);
      next++;
    }
  }
}

void kl_sim_translate(kl_sim_language language, const char *text, char *out, size_t cap) {
  kl_buf b = {0};
  if (language != KL_SIM_ENGLISH) translate(&b, language, text, strlen(text), 0);
  bool good = b.len > 0 && b.len < cap && !b.failed;
  const char *from = good ? b.data : text;
  size_t n = good ? b.len : strlen(text) < cap ? strlen(text) : cap - 1;
  memcpy(out, from, n);
  out[n] = '\0';
  kl_buf_free(&b);
}

/* ---- answers ---- */

static bool is_text_of_a_market(const char *key) {
  static const char *const keys[] = {"title",        "subtitle",      "sub_title",      "yes_sub_title",
                                     "no_sub_title", "rules_primary", "rules_secondary"};
  for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
    if (!strcmp(keys[i], key)) return true;
  return false;
}

static void walk(kl_sim_language language, json_t *at) {
  const char *key;
  json_t *value;
  size_t i;
  json_array_foreach(at, i, value) { walk(language, value); }
  json_object_foreach(at, key, value) {
    kl_buf b = {0};
    if (!json_is_string(value) || !is_text_of_a_market(key)) {
      walk(language, value);
      continue;
    }
    translate(&b, language, json_string_value(value), json_string_length(value), 0);
    if (b.len > 0 && !b.failed) json_string_setn(value, b.data, b.len);
    kl_buf_free(&b);
  }
}

void kl_sim_translate_answer(kl_sim_language language, kl_buf *body) {
  if (language == KL_SIM_ENGLISH || body->failed || body->len == 0) return;
  json_t *root = json_loadb(body->data, body->len, 0, NULL);
  if (!root) return;
  walk(language, root);
  char *text = json_dumps(root, JSON_COMPACT | JSON_REAL_PRECISION(12));
  if (text) {
    kl_buf_clear(body);
    kl_buf_str(body, text);
  }
  free(text);
  json_decref(root);
}
