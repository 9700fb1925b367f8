/* The temperature index of every city that the world has weather in: a value a minute, from member stations whose
 * readings, weights and offsets give exactly that value. Kept for two days, with a made-up past before the start. */
#ifndef KL_SIM_WEATHER_H
#define KL_SIM_WEATHER_H

#include "sim/history.h"
#include "sim/impl.h"

enum { KL_SIM_CITIES_MOST = 32, KL_SIM_STATIONS = 4, KL_SIM_MINUTE_MS = 60000 };

typedef struct kl_sim_city {
  char id[32];             /* "nyc" */
  kl_sim_history *history; /* Fahrenheit, by the minute */
} kl_sim_city;

struct kl_sim_weather;
struct kl_sim_weather *kl_sim_weather_new(void);    /* NULL when out of memory */
void kl_sim_weather_free(struct kl_sim_weather *w); /* takes NULL */
void kl_sim_weather_second(kl_sim *s);              /* takes the temperatures as they are */

const kl_sim_city *kl_sim_city_find(const struct kl_sim_weather *w, const char *id); /* NULL: unknown */
/* The city's temperature in a minute; false when it is not known: before its launch, still to come, or lost. */
bool kl_sim_city_at(const kl_sim *s, const kl_sim_city *c, int64_t at_ms, double *fahrenheit);

/* How the index is computed in a week. `week`: 0 for the launch, then one a week, until false. */
typedef struct kl_sim_calibration {
  char version[96];
  int64_t effective_ms, published_ms, window_start_ms, window_end_ms; /* windows: 0 for the launch */
  double reference_c;                                                 /* weights times offsets */
  struct {
    char id[16];
    double weight, offset_c;
  } stations[KL_SIM_STATIONS];
} kl_sim_calibration;
bool kl_sim_city_calibration(const kl_sim *s, const kl_sim_city *c, int week, kl_sim_calibration *out);
/* The one that holds at a time; false before the launch. */
bool kl_sim_city_calibration_at(const kl_sim *s, const kl_sim_city *c, int64_t at_ms, kl_sim_calibration *out);
/* What a station read in a minute in which the index was `fahrenheit`. */
double kl_sim_station_reading(const kl_sim_calibration *cal, int station, int64_t at_ms, double fahrenheit);

#endif
