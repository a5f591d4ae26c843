#pragma once

#include <cstdint>
#include <string>

#include "absl/time/time.h"

namespace milepost::cli {

// One line on standard error that tells how far a long piece of work is; redrawn on a terminal, a
// line every few seconds otherwise. Silent for what ends within a second.
class Progress {
 public:
  // `total` 0: unknown.
  Progress(std::string what, int64_t total);
  ~Progress();

  void Set(int64_t done);

 private:
  void Draw(bool last);

  const std::string what_;
  const int64_t total_;
  const bool terminal_;
  const absl::Time start_;
  absl::Time drawn_;
  int64_t done_ = 0;
  bool shown_ = false;
};

}  // namespace milepost::cli
