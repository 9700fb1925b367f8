/* Texts of markets in other languages. */
#include "sim/language.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void the_best_wanted_language_wins(void **state) {
  (void)state;
  assert_int_equal(kl_sim_language_read(NULL), KL_SIM_ENGLISH);
  assert_int_equal(kl_sim_language_read(""), KL_SIM_ENGLISH);
  assert_int_equal(kl_sim_language_read("es"), KL_SIM_SPANISH);
  assert_int_equal(kl_sim_language_read("PT-br"), KL_SIM_PORTUGUESE);
  assert_int_equal(kl_sim_language_read("es-MX,es;q=0.9,en;q=0.8"), KL_SIM_SPANISH);
  assert_int_equal(kl_sim_language_read("en;q=0.3, pt;q=0.7, es;q=0.5"), KL_SIM_PORTUGUESE);
  assert_int_equal(kl_sim_language_read("fr, de;q=0.9"), KL_SIM_ENGLISH);
  assert_int_equal(kl_sim_language_read("est, esperanto"), KL_SIM_ENGLISH);
  assert_int_equal(kl_sim_language_read(",,;;q=,es;q"), KL_SIM_SPANISH);
  assert_int_equal(kl_sim_language_read("es;q=0"), KL_SIM_ENGLISH);
}

static void expect(kl_sim_language language, const char *text, const char *wanted) {
  char out[128];
  kl_sim_translate(language, text, out, sizeof out);
  assert_string_equal(out, wanted);
}

static void phrases_are_translated_with_what_they_hold(void **state) {
  (void)state;
  expect(KL_SIM_SPANISH, "Highest temperature in NYC", "Temperatura más alta en NYC");
  expect(KL_SIM_PORTUGUESE, "Not 53° or below", "Não: 53° ou menos");
  expect(KL_SIM_SPANISH, "$95000 to 95249.99", "De $95000 a 95249.99");
  expect(KL_SIM_PORTUGUESE, "Los Angeles L at Boston winner?", "Vencedor de Los Angeles L em Boston?");
  expect(KL_SIM_SPANISH, "On NOV 26 at 17:00 EST", "El NOV 26 a las 17:00 EST");
  expect(KL_SIM_SPANISH, "Bitcoin price range, On NOV 26 at 17:00 EST",
         "Rango del precio de Bitcoin, el NOV 26 a las 17:00 EST");
  expect(KL_SIM_PORTUGUESE, "CPI, year over year, Release of 26DEC", "IPC em doze meses, divulgação de 26DEC");
  expect(KL_SIM_SPANISH, "Federal funds rate, Jul 3, 2026", "Tasa de fondos federales, Jul 3, 2026");
  expect(KL_SIM_SPANISH, "NY-01 on NOV 27", "NY-01 el NOV 27");
  expect(KL_SIM_PORTUGUESE, "Utah at Dallas", "Utah em Dallas");
  expect(KL_SIM_SPANISH, "If the named team wins the game, then the market resolves to Yes. Made up by the simulator.",
         "Si el equipo nombrado gana el partido, el mercado se resuelve como Sí. Inventado por el simulador.");
}

static void legs_of_combos_are_translated_one_by_one(void **state) {
  (void)state;
  expect(KL_SIM_SPANISH, "yes Boston,no 50° or below,yes Independent", "sí Boston,no 50° o menos,sí Independiente");
  expect(KL_SIM_PORTUGUESE, "no Independent,yes Above 3.00% and 8 more",
         "não Independente,sim Acima de 3.00% e mais 8");
  expect(KL_SIM_PORTUGUESE, "no A,no B,no C,no D,no E,no F,no G,no H,no I,no Independent",
         "não A,não B,não C,não D,não E,não F,não G,não H,não I,não Independente");
}

static void what_has_no_translation_stays(void **state) {
  (void)state;
  expect(KL_SIM_ENGLISH, "Highest temperature in NYC", "Highest temperature in NYC");
  expect(KL_SIM_SPANISH, "Boston", "Boston");
  expect(KL_SIM_SPANISH, "Return to sender", "Return to sender");
  expect(KL_SIM_SPANISH, "", "");
  char out[8];
  kl_sim_translate(KL_SIM_SPANISH, "Independent", out, sizeof out); /* neither fits */
  assert_string_equal(out, "Indepen");
}

static void answers_keep_everything_else(void **state) {
  (void)state;
  kl_buf b = {0};
  kl_buf_str(
      &b,
      "{\"events\":[{\"title\":\"House race\",\"ticker\":\"House race\",\"floor_strike\":3.75,\"n\":9007199254740993,"
      "\"markets\":[{\"yes_sub_title\":\"Independent\",\"x\":null}]}],\"cursor\":\"\"}");
  kl_sim_translate_answer(KL_SIM_PORTUGUESE, &b);
  assert_string_equal(
      b.data,
      "{\"events\":[{\"title\":\"Eleição para a Câmara\",\"ticker\":\"House race\",\"floor_strike\":3.75,"
      "\"n\":9007199254740993,\"markets\":[{\"yes_sub_title\":\"Independente\",\"x\":null}]}],\"cursor\":\"\"}");
  kl_buf_clear(&b);
  kl_buf_str(&b, "no JSON");
  kl_sim_translate_answer(KL_SIM_SPANISH, &b);
  assert_string_equal(b.data, "no JSON");
  kl_buf_free(&b);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(the_best_wanted_language_wins),
      cmocka_unit_test(phrases_are_translated_with_what_they_hold),
      cmocka_unit_test(legs_of_combos_are_translated_one_by_one),
      cmocka_unit_test(what_has_no_translation_stays),
      cmocka_unit_test(answers_keep_everything_else),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
