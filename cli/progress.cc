#include "cli/progress.h"

#include <unistd.h>

#include <cstdio>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include "cli/text.h"

namespace milepost::cli {
namespace {

constexpr absl::Duration kQuiet = absl::Seconds(1);
constexpr int kBarWidth = 24;

}  // namespace

Progress::Progress(std::string what, int64_t total)
    : what_(std::move(what)),
      total_(total),
      terminal_(isatty(STDERR_FILENO) == 1),
      start_(absl::Now()),
      drawn_(start_) {}

Progress::~Progress() {
  if (shown_) Draw(/*last=*/true);
}

void Progress::Set(int64_t done) {
  done_ = done;
  const absl::Time now = absl::Now();
  if (now - start_ < kQuiet) return;
  if (now - drawn_ < (terminal_ ? absl::Milliseconds(200) : absl::Seconds(5)) && shown_) return;
  drawn_ = now;
  shown_ = true;
  Draw(/*last=*/false);
}

void Progress::Draw(bool last) {
  const double seconds = absl::ToDoubleSeconds(absl::Now() - start_);
  std::string line = absl::StrCat(what_, "  ");
  if (total_ > 0) {
    const int filled = static_cast<int>(done_ * kBarWidth / total_);
    absl::StrAppend(&line, "[", std::string(static_cast<size_t>(filled), '#'),
                    std::string(static_cast<size_t>(kBarWidth - filled), '.'), "] ");
  }
  absl::StrAppend(&line, FormatCount(done_));
  if (total_ > 0) absl::StrAppend(&line, " of ", FormatCount(total_));
  absl::StrAppendFormat(&line, ", %.1f s, %s/s", seconds,
                        FormatCount(static_cast<int64_t>(static_cast<double>(done_) / seconds)));
  if (terminal_) {
    std::fprintf(stderr, "\r\033[K%s%s", line.c_str(), last ? "\n" : "");
  } else {
    std::fprintf(stderr, "%s\n", line.c_str());
  }
  std::fflush(stderr);
}

}  // namespace milepost::cli
