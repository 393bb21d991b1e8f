#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "absl/functional/any_invocable.h"
#include "absl/time/time.h"
#include "controller/runtime/api_sender.h"
#include "controller/runtime/engine.h"
#include "crds/v1alpha1/remediation.h"

namespace kr::remediation {

// Who writes: goes into every status as its journal.
struct Term {
  std::string holder;
  int64_t lease_transitions = 0;
};

// What became of a Save.
enum class SaveResult {
  kSaved,
  kTakenOver,  // another instance leads and has written since: stop
  kGone,       // the Remediation was deleted
  kTooLarge,   // over kMaxStatusBytes; nothing was sent
};

// Whether something waits for a Save. What only reports lets the actions of others go first while
// there is more to write than the API server takes: the last of two hundred sick nodes is to be
// cordoned before it is written down that the first is well.
enum class SaveFor { kReport, kAction };

// Keeps one Remediation's status on the server equal to the one in memory. The status is the
// write-ahead log, so a Save is only reported when the server is known to have it:
// - an outcome that is not known (timeout, broken connection, conflict) is settled by reading: our
//   own journal entry there means that it was ours, a higher leaseTransitions that we were
//   replaced, anything else (somebody edited spec or labels) that the same status is sent again.
//   The journal that was there from the beginning replaces nobody, whatever its number: without
//   leader election, or with a Lease that was made anew, we count from a lower one;
// - without permit, throttled, refused (forbidden or invalid: a role or a CRD is being replaced) or
//   with the server away it tries again until it is known. A refusal is logged, once for each Save.
// Engine thread only. One Save at a time.
class StatusWriter {
 public:
  struct Options {
    absl::Duration write_timeout = absl::Seconds(5);
    absl::Duration retry_initial = absl::Milliseconds(200);
    absl::Duration retry_max = absl::Seconds(10);
    absl::Duration report_patience = absl::Seconds(3);
  };
  using Done = absl::AnyInvocable<void(SaveResult result)>;

  // The references must outlive the writer. `remediation` is what the server has.
  StatusWriter(runtime::ApiSender& api, runtime::Engine& engine, Term term, Options options,
               crds::Remediation remediation);
  ~StatusWriter();

  // The status may be changed at any time; spec and metadata are the server's.
  crds::RemediationStatus& status() { return remediation_.status; }
  const crds::RemediationStatus& status() const { return remediation_.status; }
  const crds::Remediation& remediation() const { return remediation_; }
  // The server has a newer object (a person set spec.cancel); its status is ours, so it is ignored.
  void Absorb(const crds::Remediation& newer);

  // `done` is called once, never inside Save, and not at all when the writer is destroyed first.
  void Save(Done done, SaveFor what_for = SaveFor::kReport);
  bool saving() const { return static_cast<bool>(done_); }

 private:
  void Put();
  void OnPut(StatusOr<kube::Reply> reply);
  void Settle();
  void OnRead(StatusOr<kube::Reply> reply);
  void RetryLater(void (StatusWriter::*step)());
  void Refused(const Status& error);
  void Finish(SaveResult result);

  runtime::ApiSender& api_;
  runtime::Engine& engine_;
  const Term term_;
  const Options options_;
  const std::optional<crds::Journal> inherited_;
  crds::Remediation remediation_;
  Done done_;
  SaveFor what_for_ = SaveFor::kReport;
  absl::Duration retry_;
  bool refused_ = false;  // this Save, and it was said
  // Callbacks hold it weakly, so that answers after destruction find nobody.
  std::shared_ptr<StatusWriter*> self_;
};

}  // namespace kr::remediation
