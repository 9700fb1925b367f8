---@meta metrics

---Numbers that monitoring collects: what a script counts itself, and what the process has counted. `kalua run --metrics
---PORT` shows all of them to Prometheus at /metrics, those of scripts with the label `script`. A script has at most 200
---metrics and 1,000 series (a metric with one set of labels each). A wrong argument raises "validation".
---```lua
---local metrics = require "metrics"
---quotes = metrics.counter("quotes_total", "Quotes sent")
---quotes:inc(1, { side = "bid" })
---print(metrics.value("kalua_feed_messages_total", { channel = "trade" }))
---```
---@class metrics
local metrics = {}

---Names with their values, up to 8. Numbers and booleans become texts. A value has at most 200 bytes. Choose what has few
---values: each new set is a series that stays as long as the process.
---@alias metrics.Labels table<string, string|number|boolean>

---A number that only grows: its name ends in _total. It goes on over reloads of the script.
---@class metrics.Counter: userdata
local Counter = {}

---Adds to it. Raises "validation" for a negative number, "limit" where it would be one series too many.
---```lua
---metrics.counter("quotes_total"):inc()
---metrics.counter("quotes_total"):inc(2, { side = "bid" })
---```
---@param by? number 0 or more, in the unit that the name says; 1 when absent
---@param labels? metrics.Labels which series; when absent, the one without labels
function Counter:inc(by, labels) end

---What it has come to; 0 where nothing was counted.
---```lua
---print(metrics.counter("quotes_total"):value{ side = "bid" })
---```
---@param labels? metrics.Labels which series; when absent, the one without labels
---@return number value of the series, in its unit
function Counter:value(labels) end

---A number that goes up and down.
---@class metrics.Gauge: userdata
local Gauge = {}

---Sets it. Raises "limit" where it would be one series too many.
---```lua
---metrics.gauge("fair_value_dollars"):set(0.42)
---```
---@param value number finite, in the unit that the name says
---@param labels? metrics.Labels which series; when absent, the one without labels
function Gauge:set(value, labels) end

---Adds to it. Raises "limit" where it would be one series too many.
---```lua
---metrics.gauge("watched_markets"):inc(-1)
---```
---@param by? number in the unit that the name says; 1 when absent; a negative one takes away
---@param labels? metrics.Labels which series; when absent, the one without labels
function Gauge:inc(by, labels) end

---What it is; 0 where it was never set.
---```lua
---print(metrics.gauge("watched_markets"):value())
---```
---@param labels? metrics.Labels which series; when absent, the one without labels
---@return number value of the series, in its unit
function Gauge:value(labels) end

---How a number is distributed: how often it was no larger than each bound.
---@class metrics.Histogram: userdata
local Histogram = {}

---Counts a value. Raises "limit" where it would be one series too many.
---```lua
---metrics.histogram("edge_dollars", { 0.01, 0.02, 0.05 }):observe(0.013)
---```
---@param value number finite, in the unit that the name says
---@param labels? metrics.Labels which series; when absent, the one without labels
function Histogram:observe(value, labels) end

---The counter of this name, the same one each time. Raises "validation" for what is no name (letters, digits and _; not
---kalua_ or process_ in front, not _sum, _count or _bucket at the end) or has another type already, "limit" beyond 200
---metrics.
---```lua
---quotes = metrics.counter("quotes_total", "Quotes sent")
---quotes:inc()
---```
---@param name string of the metric
---@param help? string what it counts, for people
---@return metrics.Counter counter to count with
function metrics.counter(name, help) end

---The gauge of this name; raises "validation" and "limit" as `metrics.counter` does.
---```lua
---inventory = metrics.gauge("inventory_contracts", "Contracts held")
---inventory:set(-20)
---```
---@param name string of the metric
---@param help? string what it is, for people
---@return metrics.Gauge gauge to count with
function metrics.gauge(name, help) end

---The histogram of this name; raises "validation" and "limit" as `metrics.counter` does, "validation" also where it has
---other bounds already.
---```lua
---think = metrics.histogram("think_seconds", { 0.001, 0.01, 0.1 }, "From a change of the book to the decision")
---think:observe(0.004)
---```
---@param name string of the metric
---@param buckets? number[] growing bounds in the unit of what is observed, up to 50; when absent, those for durations from 10 us to 30 s
---@param help? string what it measures, for people
---@return metrics.Histogram histogram to count with
function metrics.histogram(name, buckets, help) end

---Of a histogram: how many values were no larger than `le`; the last one's is math.huge.
---@class metrics.Bucket
---@field le number bound, in the unit that the name says
---@field count integer values so far

---One series. A histogram has `count`, `sum` and `buckets` in place of `value`.
---@class metrics.Sample
---@field labels table<string, string> `script` of those that scripts count
---@field value? number of a counter or a gauge, in the unit that the name says
---@field count? integer values observed
---@field sum? number of all values, in their unit
---@field buckets? metrics.Bucket[] the smallest bound first

---All series of a name.
---@class metrics.Family
---@field type "counter"|"gauge"|"histogram" what it is
---@field help string for people
---@field samples metrics.Sample[] one for each set of labels

---Everything that /metrics shows, by name: of the host and of all scripts. Makes some thousand tables, in a millisecond or
---so: for now and then, not for each message. docs/monitoring.md lists the names. Raises nothing.
---```lua
---for _, sample in ipairs(metrics.read().kalua_script_memory_bytes.samples) do
---  print(sample.labels.script, sample.value)
---end
---```
---@return table<string, metrics.Family> families by name
function metrics.read() end

---One number of it: the sum of the series that have these labels, of a histogram how many values were observed; nil where
---there is none.
---```lua
---print(metrics.value("kalua_rest_requests_total", { status = "5xx" }))
---```
---@param name string of the metric
---@param labels? metrics.Labels those that are not named may be any
---@return number? value the sum, in the unit that the name says
function metrics.value(name, labels) end

return metrics
