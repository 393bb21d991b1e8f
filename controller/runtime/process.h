#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "absl/time/time.h"
#include "controller/base/status.h"

namespace kr::runtime {

// Settings of glibc's malloc that keep a long-running process small: two arenas instead of eight
// per core, and fixed thresholds, because the dynamic ones grow with the largest block ever freed
// and then keep memory. Call first in main.
void ConfigureMalloc();

struct ProcessMemory {
  uint64_t resident_bytes = 0;
  uint64_t anonymous_bytes = 0;  // of it, not backed by files: heap, stacks
};
// InvalidArgument when the text of /proc/<pid>/status lacks a field.
StatusOr<ProcessMemory> ParseProcStatus(std::string_view text);
StatusOr<ProcessMemory> ReadProcessMemory();

// What the container may use, by its cgroup (version 2 or 1), in bytes. nullopt: no limit is known.
std::optional<uint64_t> ContainerMemoryLimit();
// The text of memory.max or memory.limit_in_bytes. nullopt: it sets no limit.
std::optional<uint64_t> ParseMemoryLimit(std::string_view text);

struct ProcessUsage {
  absl::Duration cpu;  // user and system
  absl::Time started;  // to about a second
  uint64_t open_files = 0;
};
StatusOr<ProcessUsage> ReadProcessUsage();

}  // namespace kr::runtime
