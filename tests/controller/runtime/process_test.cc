#include "controller/runtime/process.h"

#include <gtest/gtest.h>

#include "controller/base/clock.h"
#include "tests/support/status_matchers.h"

namespace kr::runtime {
namespace {

TEST(ProcessMemory, ReadsWhatTheKernelPrints) {
  KR_ASSERT_OK_AND_ASSIGN(
      const ProcessMemory memory,
      ParseProcStatus("Name:\tVmRSS: 5\nVmHWM:\t   20000 kB\nVmRSS:\t   16588 kB\n"
                      "RssAnon:\t    3684 kB\nRssFile:\t   12904 kB\n"));
  EXPECT_EQ(memory.resident_bytes, 16588u * 1024);
  EXPECT_EQ(memory.anonymous_bytes, 3684u * 1024);
}

TEST(ProcessMemory, RefusesWhatLacksAField) {
  for (const char* text : {"", "VmRSS: 1 kB", "RssAnon: 1 kB\n", "VmRSS: kB\nRssAnon: 1 kB"}) {
    SCOPED_TRACE(text);
    EXPECT_FALSE(ParseProcStatus(text).ok());
  }
}

TEST(ProcessMemory, OfThisProcess) {
  KR_ASSERT_OK_AND_ASSIGN(const ProcessMemory memory, ReadProcessMemory());
  EXPECT_GT(memory.resident_bytes, 1u << 20);
  EXPECT_LE(memory.anonymous_bytes, memory.resident_bytes);
}

TEST(ContainerMemoryLimit, IsReadFromBothVersionsOfCgroups) {
  EXPECT_EQ(ParseMemoryLimit("268435456\n"), 268435456u);
  EXPECT_EQ(ParseMemoryLimit("max\n"), std::nullopt);
  EXPECT_EQ(ParseMemoryLimit("9223372036854771712\n"), std::nullopt) << "version 1: no limit";
  EXPECT_EQ(ParseMemoryLimit(""), std::nullopt);
}

TEST(ProcessUsage, OfThisProcess) {
  KR_ASSERT_OK_AND_ASSIGN(const ProcessUsage usage, ReadProcessUsage());
  EXPECT_GT(usage.open_files, 2u);
  EXPECT_GT(usage.cpu, absl::ZeroDuration());
  const absl::Duration age = RealClock().Now() - usage.started;
  EXPECT_GT(age, absl::Seconds(-2));
  EXPECT_LT(age, absl::Minutes(5));
}

TEST(ConfigureMalloc, CanBeCalled) {
  ConfigureMalloc();
}

}  // namespace
}  // namespace kr::runtime
