#include "reconcilers/remediation/status_writer.h"

#include <gtest/gtest.h>

#include "crds/v1alpha1/codec.h"
#include "tests/reconcilers/remediation/fake_api.h"
#include "tests/support/fake_clock.h"

namespace kr::remediation {
namespace {

using Fault = FakeApi::Fault;
using nlohmann::json;

class StatusWriterTest : public ::testing::Test {
 protected:
  StatusWriterTest() {
    api.Attach(engine);
    Make();
  }

  void Make() {
    server.Put("remediations",
               {{"apiVersion", "kube-remedy.io/v1alpha1"},
                {"kind", "Remediation"},
                {"metadata", {{"name", "heal-web"}}},
                {"spec",
                 {{"policyRef", {{"name", "heal"}, {"uid", "policy-uid"}}},
                  {"targetRef",
                   {{"apiVersion", "v1"}, {"kind", "Node"}, {"name", "n"}, {"uid", "node-uid"}}},
                  {"mode", "Enforce"}}}});
  }
  json Stored() const { return server.Objects("remediations").at("/heal-web"); }
  void Edit(const json& patch) {
    json object = Stored();
    object.merge_patch(patch);
    server.Put("remediations", object);
  }
  // Another instance has written the status.
  void WriteAs(const std::string& holder, int64_t lease_transitions, int64_t seq) {
    Edit({{"status",
           {{"message", "by " + holder},
            {"journal",
             {{"holder", holder}, {"leaseTransitions", lease_transitions}, {"seq", seq}}}}}});
  }
  std::unique_ptr<StatusWriter> Writer() {
    return std::make_unique<StatusWriter>(api, engine, Term{"us", 3}, StatusWriter::Options(),
                                          *crds::FromJson<crds::Remediation>(Stored()));
  }
  // Saves `message` and waits for what becomes of it.
  std::optional<SaveResult> Save(StatusWriter& writer, const std::string& message) {
    writer.status().message = message;
    std::optional<SaveResult> outcome;
    writer.Save([&outcome](SaveResult result) { outcome = result; });
    for (int i = 0; i < 100 && !outcome; ++i) {
      engine.RunUntilIdle();
      clock.Advance(absl::Seconds(1));
    }
    return outcome;
  }

  testing::FakeClock clock;
  SeededRandom random{7};
  testing::FakeStreamTransport transport{clock};
  testing::FakeApiServer server{transport, random};
  FakeApi api{server};
  runtime::Engine engine{clock};
};

TEST_F(StatusWriterTest, WhatIsSavedIsOnTheServerWithOurJournal) {
  const auto writer = Writer();
  EXPECT_EQ(Save(*writer, "first"), SaveResult::kSaved);
  EXPECT_EQ(Save(*writer, "second"), SaveResult::kSaved);
  EXPECT_EQ(Stored()["status"]["message"], "second");
  EXPECT_EQ(Stored()["status"]["journal"],
            json({{"holder", "us"}, {"leaseTransitions", 3}, {"seq", 2}}));
}

TEST_F(StatusWriterTest, WhatOnlyReportsLetsTheActionsOfOthersGoFirst) {
  const auto writer = Writer();
  writer->Save([](SaveResult) {}, SaveFor::kAction);
  engine.RunUntilIdle();
  Save(*writer, "done");
  ASSERT_EQ(api.writes().size(), 2u);
  EXPECT_EQ(api.writes()[0].patience, absl::ZeroDuration());
  EXPECT_EQ(api.writes()[1].patience, StatusWriter::Options().report_patience);
}

TEST_F(StatusWriterTest, AnotherRemediationOfTheSameNameIsNotWrittenOver) {
  const auto writer = Writer();
  server.Delete("remediations", "", "heal-web");
  Make();
  EXPECT_EQ(Save(*writer, "of the one that is gone"), SaveResult::kGone);
  EXPECT_FALSE(Stored().contains("status"));
}

TEST_F(StatusWriterTest, ADeletedOneIsGone) {
  const auto writer = Writer();
  server.Delete("remediations", "", "heal-web");
  EXPECT_EQ(Save(*writer, "too late"), SaveResult::kGone);
}

TEST_F(StatusWriterTest, AnAnswerThatGotLostIsFoundByItsJournalAndNotSentTwice) {
  const auto writer = Writer();
  int asked = 0;
  api.fault = [&asked](const FakeApi::Request&) {
    return ++asked == 1 ? Fault::kLostAfter : Fault::kNone;
  };
  EXPECT_EQ(Save(*writer, "once"), SaveResult::kSaved);
  EXPECT_EQ(asked, 1);
}

TEST_F(StatusWriterTest, WhatDidNotArriveIsSentAgain) {
  for (const Fault fault : {Fault::kLostBefore, Fault::kThrottled, Fault::kNotSent,
                            Fault::kRejected, Fault::kForbidden}) {
    const auto writer = Writer();
    int asked = 0;
    api.fault = [&](const FakeApi::Request&) { return ++asked == 1 ? fault : Fault::kNone; };
    const std::string message = "fault " + std::to_string(static_cast<int>(fault));
    EXPECT_EQ(Save(*writer, message), SaveResult::kSaved);
    EXPECT_EQ(Stored()["status"]["message"], message);
    EXPECT_EQ(asked, 2);
  }
}

TEST_F(StatusWriterTest, SomebodysLabelSurvivesAndTheStatusIsSentAgain) {
  const auto writer = Writer();
  Edit({{"metadata", {{"labels", {{"team", "sre"}}}}}});
  EXPECT_EQ(Save(*writer, "after the label"), SaveResult::kSaved);
  EXPECT_EQ(Stored()["metadata"]["labels"]["team"], "sre");
  EXPECT_EQ(Stored()["status"]["message"], "after the label");
  EXPECT_EQ(writer->remediation().metadata.labels.at("team"), "sre");
}

TEST_F(StatusWriterTest, AHigherTermHasTakenOver) {
  const auto writer = Writer();
  WriteAs("them", 4, 9);
  EXPECT_EQ(Save(*writer, "from the past"), SaveResult::kTakenOver);
  EXPECT_EQ(Stored()["status"]["message"], "by them");
}

TEST_F(StatusWriterTest, ALateWriteOfALowerTermIsWrittenOver) {
  const auto writer = Writer();
  WriteAs("them", 2, 9);
  EXPECT_EQ(Save(*writer, "ours"), SaveResult::kSaved);
  EXPECT_EQ(Stored()["status"]["message"], "ours");
}

TEST_F(StatusWriterTest, TheJournalFromTheBeginningReplacesNobodyWhateverItsTerm) {
  WriteAs("before the lease was made anew", 40, 9);
  const auto writer = Writer();
  Edit({{"metadata", {{"labels", {{"team", "sre"}}}}}});  // so that the journal is looked at
  EXPECT_EQ(Save(*writer, "ours"), SaveResult::kSaved);
}

TEST_F(StatusWriterTest, WhatIsTooLargeIsNotSent) {
  const auto writer = Writer();
  writer->status().snapshot = std::string(crds::kMaxStatusBytes, 'x');
  EXPECT_EQ(Save(*writer, "with a large snapshot"), SaveResult::kTooLarge);
  EXPECT_TRUE(api.writes().empty());
}

TEST_F(StatusWriterTest, AnAnswerAfterItsDestructionFindsNobody) {
  auto writer = Writer();
  api.latency = absl::Seconds(1);
  writer->Save([](SaveResult) { FAIL() << "nobody waits for it"; });
  writer.reset();
  engine.RunUntilIdle();
  clock.Advance(absl::Seconds(2));
  engine.RunUntilIdle();
  EXPECT_EQ(api.writes().size(), 1u);
}

}  // namespace
}  // namespace kr::remediation
