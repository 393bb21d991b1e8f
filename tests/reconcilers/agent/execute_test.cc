#include "reconcilers/agent/execute.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include "absl/time/clock.h"
#include "reconcilers/agent/process.h"
#include "tests/reconcilers/agent/host.h"

namespace kr::agent {
namespace {

using ::testing::HasSubstr;

// Whether the process gets what killed it: its end may come a moment after the signal, and who
// reaps it is not us.
bool Ends(const std::string& stat_file) {
  const absl::Time deadline = absl::Now() + absl::Seconds(10);
  while (absl::Now() < deadline) {
    const std::string stat = ReadFile(stat_file);
    if (stat.empty() || stat.find(") Z ") != std::string::npos ||
        stat.find(") X ") != std::string::npos) {
      return true;
    }
    absl::SleepFor(absl::Milliseconds(5));
  }
  return false;
}

TEST(Execute, RunsOneAfterTheOtherWithTheseVeryArguments) {
  Host h;
  h.Add({"/bin/echo", "a  b", "$(reboot)", "; reboot", "*"});
  h.Add({"/bin/sh", "-c", "echo to stderr >&2; exit 3"}, absl::Seconds(10),
        crds::CommandFailure::kContinue);
  h.Add({"/bin/true"});
  const Executed done = h.Run();
  EXPECT_TRUE(done.succeeded);
  ASSERT_EQ(done.results.size(), 3u);
  EXPECT_EQ(done.results[0].output, "a  b $(reboot) ; reboot *\n");
  EXPECT_EQ(done.results[0].exit_code, 0);
  EXPECT_EQ(done.results[1].output, "to stderr\n");
  EXPECT_EQ(done.results[1].exit_code, 3);
  EXPECT_EQ(done.results[1].message, "exited with status 3");
  EXPECT_EQ(h.heard, 3u);
}

TEST(Execute, NothingIsRunAfterAFailure) {
  Host h;
  h.Add({"/bin/false"});
  h.Add({"/usr/bin/touch", h.dir.Path("ran")});
  const Executed done = h.Run();
  EXPECT_FALSE(done.succeeded);
  EXPECT_EQ(done.message, "/bin/false: exited with status 1");
  EXPECT_EQ(done.results.size(), 1u);
  EXPECT_FALSE(std::filesystem::exists(h.dir.Path("ran")));
}

TEST(Execute, AProgramThatIsNotThereIsSaidSo) {
  Host h;
  h.Add({"/no/such/program"});
  EXPECT_EQ(h.Run().message,
            "/no/such/program: could not be started: /no/such/program: No such file or directory");
}

// The group goes, not only the program; what outlives it is not waited for.
TEST(Execute, WhatTakesTooLongIsKilledWithWhatItStarted) {
  Host h;
  const std::string pid_file = h.dir.Path("pid");
  h.Add({"/bin/sh", "-c", "sleep 60 & echo $! > " + pid_file + "; wait"}, absl::Milliseconds(300));
  const Executed done = h.Run();
  EXPECT_FALSE(done.succeeded);
  EXPECT_TRUE(done.results.at(0).timed_out);
  EXPECT_EQ(done.results[0].message, "was killed, it was not done within 300ms");
  const std::string pid = ReadFile(pid_file).substr(0, ReadFile(pid_file).find('\n'));
  EXPECT_TRUE(Ends("/proc/" + pid + "/stat"));
}

// One that waits in the kernel for a dead disk does not die of SIGKILL: here of one that never
// comes.
TEST(Execute, WhatDoesNotEvenDieIsLeftBehindAndReapedLater) {
  Host h;
  pid_t child = 0;
  h.context.killing = {.patience = absl::Milliseconds(50),
                       .kill = [&](pid_t group) { child = group; }};
  h.Add({"/bin/sleep", "60"}, absl::Milliseconds(50), crds::CommandFailure::kContinue);
  const Executed hung = h.Run();
  EXPECT_THAT(hung.message, HasSubstr("and does not die of it: it hangs in the kernel"));
  EXPECT_TRUE(hung.results.at(0).timed_out);
  ASSERT_EQ(kill(child, 0), 0) << "it is still there";

  h.context.killing = {};
  h.spec.commands.clear();
  h.Add({"/bin/true"});
  EXPECT_TRUE(h.Run().succeeded) << "nothing else waits for it";
  KillGroup(child);
  ASSERT_TRUE(Ends("/proc/" + std::to_string(child) + "/stat"));
  h.Run();
  EXPECT_NE(kill(child, 0), 0) << "it was not reaped";
}

TEST(Execute, AProgramThatLeavesSomebodyBehindIsDone) {
  Host h;
  h.Add({"/bin/sh", "-c", "setsid sleep 2 & echo done"});
  const absl::Time before = absl::Now();
  EXPECT_TRUE(h.Run().succeeded);
  EXPECT_LT(absl::Now() - before, absl::Seconds(2));
}

TEST(Execute, StopEndsWhatIsUnderWay) {
  Host h;
  h.Add({"/bin/sleep", "60"}, absl::Minutes(1), crds::CommandFailure::kContinue);
  h.Add({"/bin/true"});
  std::stop_source stop;
  stop.request_stop();
  const Executed done = h.Run(stop.get_token());
  EXPECT_FALSE(done.succeeded);
  EXPECT_EQ(done.results.size(), 1u);
  EXPECT_FALSE(done.results[0].timed_out);
}

TEST(Execute, OutputIsBoundedOverAllCommands) {
  Host h;
  h.spec.max_output_bytes = 1024;
  h.Add({"/bin/sh", "-c", "echo begin; yes x | head -c 1000000; echo end"});
  h.Add({"/bin/echo", "second"});
  const Executed done = h.Run();
  EXPECT_TRUE(done.results.at(0).truncated);
  EXPECT_LT(done.results[0].output.size(), 1200u);
  EXPECT_TRUE(done.results[0].output.starts_with("begin\n"));
  EXPECT_TRUE(done.results[0].output.ends_with("end\n"));
  EXPECT_THAT(done.results[0].output, HasSubstr("bytes left out"));
  EXPECT_EQ(done.results[1].output, "second\n");
}

TEST(BoundedOutput, IsTextWhateverWasWritten) {
  BoundedOutput output(100);
  output.Add(std::string_view("ok \xff\x1b[31m \xc3\xa9 \0", 14));
  EXPECT_EQ(output.Text(), "ok ??[31m \xc3\xa9 ?");
}

TEST(EditFile, ReplacesTheFileAndKeepsTheOldContentElsewhere) {
  Host h;
  h.dir.Write("etc/conf.yaml", "a: \"1\"\n");
  std::filesystem::permissions(h.dir.Path("etc/conf.yaml"), std::filesystem::perms(0640));
  crds::EditFile& edit = h.Edit("etc/conf.yaml");
  edit.validate = {"/bin/grep", "-q", "2", "$(file)"};
  edit.reload = {"/usr/bin/touch", h.dir.Path("reloaded")};
  edit.rollback_unless = {"/bin/true"};
  const Executed done = h.Run();
  EXPECT_TRUE(done.succeeded) << done.message;
  EXPECT_EQ(ReadFile(h.dir.Path("etc/conf.yaml")), "a: \"2\"\n");
  EXPECT_EQ(std::filesystem::status(h.dir.Path("etc/conf.yaml")).permissions(),
            std::filesystem::perms(0640));
  EXPECT_EQ(ReadFile(h.dir.Path("backups/task-0-conf.yaml")), "a: \"1\"\n");
  EXPECT_TRUE(std::filesystem::exists(h.dir.Path("reloaded")));
  // Nothing else lies in its folder: a kubelet would take it for a static pod.
  size_t files = 0;
  for ([[maybe_unused]] const auto& entry :
       std::filesystem::directory_iterator(h.dir.Path("etc"))) {
    ++files;
  }
  EXPECT_EQ(files, 1u);
}

TEST(EditFile, ThatIsAlreadySoReloadsNothing) {
  Host h;
  h.dir.Write("conf.yaml", "a: \"2\"\n");
  h.Edit("conf.yaml").reload = {"/usr/bin/touch", h.dir.Path("reloaded")};
  const Executed done = h.Run();
  EXPECT_TRUE(done.succeeded);
  EXPECT_EQ(done.results.at(0).message, "is already so");
  EXPECT_FALSE(std::filesystem::exists(h.dir.Path("reloaded")));
}

TEST(EditFile, ARefusedCandidateChangesNothing) {
  Host h;
  h.dir.Write("conf.yaml", "a: \"1\"\n");
  h.Edit("conf.yaml").validate = {"/bin/grep", "-q", "9", "$(file)"};
  const Executed done = h.Run();
  EXPECT_FALSE(done.succeeded);
  EXPECT_THAT(done.message, HasSubstr("the new content was refused, nothing is changed"));
  EXPECT_EQ(ReadFile(h.dir.Path("conf.yaml")), "a: \"1\"\n");
  EXPECT_FALSE(std::filesystem::exists(h.dir.Path(".conf.yaml.kube-remedy")));
}

// A kubelet that does not come up with its new configuration gets the old one back.
TEST(EditFile, GoesBackByItselfWhenTheHostDoesNotLikeIt) {
  Host h;
  h.dir.Write("conf.yaml", "a: \"1\"\n");
  crds::EditFile& edit = h.Edit("conf.yaml");
  h.spec.commands[0].timeout = absl::Seconds(2);  // of each program, on a slow machine
  edit.reload = {"/bin/sh", "-c", "cat " + h.dir.Path("conf.yaml") + " >> " + h.dir.Path("log")};
  edit.rollback_unless = {"/bin/false"};
  const Executed done = h.Run();
  EXPECT_FALSE(done.succeeded);
  EXPECT_TRUE(done.results.at(0).rolled_back);
  EXPECT_THAT(done.message, HasSubstr("/bin/false did not succeed for 0s within 2s; the old "
                                      "content was put back"));
  EXPECT_EQ(ReadFile(h.dir.Path("conf.yaml")), "a: \"1\"\n");
  EXPECT_EQ(ReadFile(h.dir.Path("log")), "a: \"2\"\na: \"1\"\n");
}

TEST(EditFile, AFailedReloadGoesBackToo) {
  Host h;
  h.dir.Write("conf.yaml", "a: \"1\"\n");
  h.Edit("conf.yaml").reload = {"/bin/false"};
  const Executed done = h.Run();
  EXPECT_TRUE(done.results.at(0).rolled_back);
  EXPECT_THAT(done.message, HasSubstr("put back, but /bin/false exited with status 1"));
}

TEST(EditFile, ThatIsNotThereIsNotMade) {
  Host h;
  h.Edit("none.yaml");
  EXPECT_THAT(h.Run().message, HasSubstr("none.yaml: No such file"));
}

}  // namespace
}  // namespace kr::agent
