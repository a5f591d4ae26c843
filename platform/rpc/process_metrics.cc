#include "platform/rpc/process_metrics.h"

#include <sys/resource.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>
#include <string>

#include "prometheus/metric_family.h"

namespace milepost::rpc {
namespace {

// Field `index` of /proc/self/stat, counted from 1 as in proc(5); the command in field 2 may hold
// spaces.
double StatField(int index) {
  std::ifstream file("/proc/self/stat");
  const std::string text((std::istreambuf_iterator<char>(file)), {});
  std::istringstream rest(text.substr(text.rfind(')') + 2));
  std::string word;
  for (int at = 3; at <= index; ++at) rest >> word;
  return word.empty() ? 0 : std::stod(word);
}

double BootTime() {
  std::ifstream file("/proc/stat");
  std::string word;
  while (file >> word) {
    double value = 0;
    if (word == "btime" && file >> value) return value;
  }
  return 0;
}

prometheus::MetricFamily Family(const char* name, const char* help, prometheus::MetricType type,
                                double value) {
  prometheus::MetricFamily family{name, help, type, {}};
  prometheus::ClientMetric metric;
  if (type == prometheus::MetricType::Counter) {
    metric.counter.value = value;
  } else {
    metric.gauge.value = value;
  }
  family.metric.push_back(metric);
  return family;
}

}  // namespace

std::vector<prometheus::MetricFamily> ProcessMetrics::Collect() const {
  using prometheus::MetricType;
  const double ticks = static_cast<double>(sysconf(_SC_CLK_TCK));
  std::error_code ignored;
  const auto descriptors =
      std::distance(std::filesystem::directory_iterator("/proc/self/fd", ignored),
                    std::filesystem::directory_iterator());
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  return {
      Family("process_cpu_seconds_total", "CPU time used.", MetricType::Counter,
             (StatField(14) + StatField(15)) / ticks),
      Family("process_resident_memory_bytes", "Resident memory.", MetricType::Gauge,
             StatField(24) * static_cast<double>(sysconf(_SC_PAGESIZE))),
      Family("process_virtual_memory_bytes", "Virtual memory.", MetricType::Gauge, StatField(23)),
      Family("process_open_fds", "Open file descriptors.", MetricType::Gauge,
             static_cast<double>(descriptors)),
      Family("process_max_fds", "Limit of open file descriptors.", MetricType::Gauge,
             static_cast<double>(limit.rlim_cur)),
      Family("process_start_time_seconds", "When the process started, Unix time.",
             MetricType::Gauge, BootTime() + StatField(22) / ticks),
  };
}

}  // namespace milepost::rpc
