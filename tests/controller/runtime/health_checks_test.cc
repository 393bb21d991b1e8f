#include "controller/runtime/health_checks.h"

#include <gtest/gtest.h>

#include "tests/support/fake_clock.h"
#include "tests/support/status_matchers.h"

namespace kr::runtime {
namespace {

Status Ok() {
  return OkStatus();
}
Status Broken() {
  return Unavailable("no connection");
}

TEST(HealthChecks, SaysOkInOneWordAndMoreWhenAsked) {
  HealthChecks checks("readyz");
  checks.Add("ping", Ok);
  checks.Add("leader", Ok);
  EXPECT_EQ(checks.Run(false).text, "ok");
  EXPECT_EQ(checks.Run(true).text, "[+]ping ok\n[+]leader ok\nreadyz check passed\n");
  EXPECT_TRUE(checks.Run(true).healthy);
}

TEST(HealthChecks, AFailureIsAlwaysVerbose) {
  HealthChecks checks("readyz");
  checks.Add("ping", Ok);
  checks.Add("watches", Broken);
  const HealthChecks::Report report = checks.Run(false);
  EXPECT_FALSE(report.healthy);
  EXPECT_EQ(report.text, "[+]ping ok\n[-]watches failed: no connection\nreadyz check failed\n");
}

TEST(HealthChecks, ExcludedChecksAreNotAsked) {
  HealthChecks checks("healthz");
  int asked = 0;
  checks.Add("slow", [&] {
    ++asked;
    return Broken();
  });
  EXPECT_EQ(checks.Run(true, {"slow"}).text, "[+]slow excluded: ok\nhealthz check passed\n");
  EXPECT_EQ(asked, 0);
}

TEST(HealthChecks, OneAlone) {
  HealthChecks checks("healthz");
  checks.Add("good", Ok);
  checks.Add("bad", Broken);
  KR_ASSERT_OK_AND_ASSIGN(const HealthChecks::Report good, checks.RunOne("good"));
  EXPECT_TRUE(good.healthy);
  KR_ASSERT_OK_AND_ASSIGN(const HealthChecks::Report bad, checks.RunOne("bad"));
  EXPECT_FALSE(bad.healthy);
  EXPECT_TRUE(absl::IsNotFound(checks.RunOne("unknown").status()));
}

TEST(HealthChecks, WithoutChecksIsHealthy) {
  EXPECT_EQ(HealthChecks("healthz").Run(false).text, "ok");
}

TEST(EngineAlive, FailsWhenTheEngineHangs) {
  testing::FakeClock clock;
  Engine engine(clock);
  const HealthChecks::Check check = EngineAlive(engine, clock, absl::Seconds(30));
  KR_EXPECT_OK(check());
  clock.Advance(absl::Seconds(31));
  EXPECT_TRUE(absl::IsDeadlineExceeded(check()));
  engine.RunUntilIdle();
  KR_EXPECT_OK(check());
}

TEST(EngineAlive, NoticesAnInputThatHangs) {
  testing::FakeClock clock;
  Engine engine(clock);
  const HealthChecks::Check check = EngineAlive(engine, clock, absl::Seconds(30));
  engine.Post(1, [&] {
    clock.Advance(absl::Minutes(1));
    EXPECT_FALSE(check().ok());
  });
  engine.RunUntilIdle();
}

}  // namespace
}  // namespace kr::runtime
