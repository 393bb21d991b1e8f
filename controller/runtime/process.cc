#include "controller/runtime/process.h"

#include <charconv>
#include <filesystem>
#include <fstream>
#include <optional>
#include <sstream>
#include <string>

#include <malloc.h>
#include <sys/resource.h>
#include <unistd.h>

namespace kr::runtime {
namespace {

StatusOr<std::string> ReadFile(const char* path) {
  std::ifstream in(path);
  if (!in) return Unavailable(std::string("cannot read ") + path);
  std::ostringstream text;
  text << in.rdbuf();
  return std::move(text).str();
}

// The first number after `label`, which starts a line.
std::optional<uint64_t> NumberAfter(std::string_view text, std::string_view label) {
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    if (line.starts_with(label)) {
      const size_t digit = line.find_first_of("0123456789", label.size());
      if (digit == std::string_view::npos) return std::nullopt;
      uint64_t number = 0;
      const auto [end, error] =
          std::from_chars(line.data() + digit, line.data() + line.size(), number);
      return error == std::errc() ? std::optional(number) : std::nullopt;
    }
    text.remove_prefix(std::min(text.size(), line.size() + 1));
  }
  return std::nullopt;
}

absl::Duration ToDuration(const timeval& time) {
  return absl::DurationFromTimeval(time);
}

// Field 22 of /proc/self/stat: clock ticks from boot to the start of the process. Counted from the
// end of the command, which may contain spaces and parentheses.
std::optional<uint64_t> StartTicks(const std::string& stat) {
  const size_t paren = stat.rfind(')');
  if (paren == std::string::npos) return std::nullopt;
  std::istringstream fields(stat.substr(paren + 1));
  std::string field;
  for (int i = 3; i <= 22; ++i) {
    if (!(fields >> field)) return std::nullopt;
  }
  return NumberAfter(field, "");
}

}  // namespace

void ConfigureMalloc() {
  mallopt(M_ARENA_MAX, 2);
  mallopt(M_MMAP_THRESHOLD, 128 << 10);
  mallopt(M_TRIM_THRESHOLD, 256 << 10);
}

StatusOr<ProcessMemory> ParseProcStatus(std::string_view text) {
  const auto resident = NumberAfter(text, "VmRSS:");
  const auto anonymous = NumberAfter(text, "RssAnon:");
  if (!resident || !anonymous) return InvalidArgument("no VmRSS or RssAnon in /proc/self/status");
  return ProcessMemory{.resident_bytes = *resident * 1024, .anonymous_bytes = *anonymous * 1024};
}

StatusOr<ProcessMemory> ReadProcessMemory() {
  KR_ASSIGN_OR_RETURN(const std::string text, ReadFile("/proc/self/status"));
  return ParseProcStatus(text);
}

std::optional<uint64_t> ParseMemoryLimit(std::string_view text) {
  const auto limit = NumberAfter(text, "");
  // Version 1 has no word for "none": the largest number of pages.
  if (!limit || *limit >= uint64_t{1} << 60) return std::nullopt;
  return limit;
}

std::optional<uint64_t> ContainerMemoryLimit() {
  for (const char* path :
       {"/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"}) {
    if (const auto text = ReadFile(path); text.ok()) return ParseMemoryLimit(*text);
  }
  return std::nullopt;
}

StatusOr<ProcessUsage> ReadProcessUsage() {
  ProcessUsage usage;
  rusage resources{};
  if (getrusage(RUSAGE_SELF, &resources) != 0) return Unavailable("getrusage");
  usage.cpu = ToDuration(resources.ru_utime) + ToDuration(resources.ru_stime);

  KR_ASSIGN_OR_RETURN(const std::string stat, ReadFile("/proc/self/stat"));
  KR_ASSIGN_OR_RETURN(const std::string system, ReadFile("/proc/stat"));
  const auto ticks = StartTicks(stat);
  const auto boot = NumberAfter(system, "btime");
  if (!ticks || !boot) return Unavailable("no start time in /proc");
  usage.started = absl::FromUnixSeconds(static_cast<int64_t>(*boot)) +
                  absl::Seconds(*ticks) / sysconf(_SC_CLK_TCK);

  std::error_code error;
  for (std::filesystem::directory_iterator it("/proc/self/fd", error), end; !error && it != end;
       it.increment(error)) {
    ++usage.open_files;
  }
  return usage;
}

}  // namespace kr::runtime
