#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "absl/functional/any_invocable.h"
#include "reconcilers/actions/action.h"
#include "reconcilers/remediation/environment.h"
#include "reconcilers/remediation/status_writer.h"

namespace kr::remediation {

// One conditional write to the cluster, written down before it is sent: intent and memo are on the
// server before the request leaves, so a crash at any point leaves at most one write whose outcome
// is not known, and the next process knows which. Engine thread only; one at a time.
class WriteAhead {
 public:
  // What came of it.
  struct Result {
    enum class Kind {
      kDone,  // executed: `object` is what the server answered, nullopt when it was not an object
      kUnknown,     // it may have been executed: read the object and ask the action again
      kNotSent,     // it was not executed and may be tried again after `retry_after`
      kRejected,    // the server will never take it: `error`
      kSaveFailed,  // the intent could not be written down: `save`; nothing was sent
    };
    Kind kind = Kind::kUnknown;
    std::optional<nlohmann::json> object;
    absl::Duration retry_after;
    std::string refusal;  // of kNotSent: what the server said when it put us off (429)
    Status error;
    SaveResult save = SaveResult::kSaved;
  };
  using Done = absl::AnyInvocable<void(Result)>;

  // Of a call: `answer` (NotSent: there was no permit), unless the intent could not be written
  // down, then `save`.
  struct CallResult {
    std::optional<StatusOr<actions::Answer>> answer;
    SaveResult save = SaveResult::kSaved;
  };
  using CallDone = absl::AnyInvocable<void(CallResult)>;

  // Of a batch: the answers in the order of its writes, unless the intent could not be written
  // down, then `save`.
  struct BatchResult {
    std::vector<StatusOr<kube::Reply>> answers;
    SaveResult save = SaveResult::kSaved;
  };
  using BatchDone = absl::AnyInvocable<void(BatchResult)>;

  WriteAhead(Services& services, StatusWriter& writer) : services_(services), writer_(writer) {}

  // For step `step` (an index into status.steps). `rollback`: the write takes an earlier one back.
  void Execute(size_t step, const actions::ObjectRef& ref, actions::Write write, bool rollback,
               Done done);

  // All of them at the same time, under one intent. What the answers mean is the caller's to say:
  // it takes out of the intent what is settled.
  void Execute(size_t step, actions::Batch batch, BatchDone done);

  // Calls a webhook for step `step`. The first call writes down the intent, which stands until
  // Resolve: whether the receiver has done anything nobody knows before it says so.
  void Call(size_t step, const actions::ObjectRef& ref, actions::Call call, CallDone done);

  // The unresolved intent turned out to be in effect (or not, or not wanted any more): moves it
  // from status.intent to the step's writes.
  void Resolve(crds::WriteOutcome outcome, const nlohmann::json& live);

 private:
  void Send(kube::HttpRequest request, Done done);
  void SendCall(actions::Call call, CallDone done);
  void SendBatch(actions::Batch batch, BatchDone done);
  // What an answer says of the open intent; a success resolves it.
  Result Judge(const StatusOr<kube::Reply>& reply);
  Result JudgeError(const Status& error) const;

  Services& services_;
  StatusWriter& writer_;
  // Answers after destruction find nobody.
  std::shared_ptr<WriteAhead*> self_ = std::make_shared<WriteAhead*>(this);
};

}  // namespace kr::remediation
