#include "reconcilers/remediation/status_writer.h"

#include <algorithm>
#include <utility>

#include <nlohmann/json.hpp>

#include "controller/base/log.h"
#include "controller/kube/api_error.h"
#include "controller/kube/request.h"
#include "crds/v1alpha1/codec.h"
#include "reconcilers/actions/action.h"
#include "reconcilers/remediation/resources.h"

namespace kr::remediation {

StatusWriter::StatusWriter(runtime::ApiSender& api, runtime::Engine& engine, Term term,
                           Options options, crds::Remediation remediation)
    : api_(api),
      engine_(engine),
      term_(std::move(term)),
      options_(options),
      inherited_(remediation.status.journal),
      remediation_(std::move(remediation)),
      self_(std::make_shared<StatusWriter*>(this)) {}

StatusWriter::~StatusWriter() = default;

void StatusWriter::Absorb(const crds::Remediation& newer) {
  remediation_.metadata = newer.metadata;
  remediation_.spec = newer.spec;
}

void StatusWriter::Save(Done done, SaveFor what_for) {
  done_ = std::move(done);
  what_for_ = what_for;
  retry_ = options_.retry_initial;
  refused_ = false;
  const int64_t seq = remediation_.status.journal ? remediation_.status.journal->seq + 1 : 1;
  remediation_.status.journal = {term_.holder, term_.lease_transitions, seq};
  remediation_.status.observed_generation = remediation_.metadata.generation;
  Put();
}

void StatusWriter::Put() {
  const nlohmann::json object = crds::ToJson(remediation_);
  if (object["status"].dump().size() > crds::kMaxStatusBytes) {
    engine_.After(absl::ZeroDuration(), [weak = std::weak_ptr(self_)] {
      if (auto self = weak.lock()) (*self)->Finish(SaveResult::kTooLarge);
    });
    return;
  }
  kube::WriteOptions write{.field_manager = actions::kFieldManager,
                           .server_timeout = options_.write_timeout};
  kube::HttpRequest request = kube::UpdateObject(
      RemediationResource(), {"", remediation_.metadata.name}, "status", object, write);
  request.timeout = options_.write_timeout;
  api_.Send(std::move(request),
            [weak = std::weak_ptr(self_)](StatusOr<kube::Reply> reply) {
              if (auto self = weak.lock()) (*self)->OnPut(std::move(reply));
            },
            {.permit = runtime::PermitNeed::kWrite,
             .patience =
                 what_for_ == SaveFor::kReport ? options_.report_patience : absl::ZeroDuration()});
}

void StatusWriter::OnPut(StatusOr<kube::Reply> reply) {
  if (reply.ok()) {
    const auto object = nlohmann::json::parse(reply->body, nullptr, false);
    const auto saved = crds::FromJson<crds::Remediation>(object);
    if (saved.ok()) remediation_.metadata = saved->metadata;
    return Finish(SaveResult::kSaved);
  }
  if (runtime::IsNotSent(reply.status())) return RetryLater(&StatusWriter::Put);
  switch (reply.status().code()) {
    case absl::StatusCode::kNotFound:
      return Finish(SaveResult::kGone);
    case absl::StatusCode::kInvalidArgument:
    case absl::StatusCode::kPermissionDenied:
      Refused(reply.status());
      return RetryLater(&StatusWriter::Put);
    case absl::StatusCode::kAborted:
      return Settle();
    default:
      return RetryLater(&StatusWriter::Settle);
  }
}

void StatusWriter::Settle() {
  kube::HttpRequest request =
      kube::GetObject(RemediationResource(), {"", remediation_.metadata.name});
  request.timeout = options_.write_timeout;
  api_.Send(std::move(request), [weak = std::weak_ptr(self_)](StatusOr<kube::Reply> reply) {
    if (auto self = weak.lock()) (*self)->OnRead(std::move(reply));
  });
}

void StatusWriter::OnRead(StatusOr<kube::Reply> reply) {
  if (!reply.ok()) {
    if (absl::IsNotFound(reply.status())) return Finish(SaveResult::kGone);
    if (absl::IsPermissionDenied(reply.status())) Refused(reply.status());
    return RetryLater(&StatusWriter::Settle);
  }
  const auto object = nlohmann::json::parse(reply->body, nullptr, false);
  const auto live = crds::FromJson<crds::Remediation>(object);
  if (!live.ok()) {
    Refused(live.status());
    return RetryLater(&StatusWriter::Settle);
  }
  if (live->metadata.uid != remediation_.metadata.uid) return Finish(SaveResult::kGone);
  const crds::Journal& ours = *remediation_.status.journal;
  const std::optional<crds::Journal>& theirs = live->status.journal;
  if (theirs && theirs != inherited_ && theirs->lease_transitions > ours.lease_transitions) {
    return Finish(SaveResult::kTakenOver);
  }
  remediation_.metadata = live->metadata;
  remediation_.spec = live->spec;
  if (theirs && theirs->holder == ours.holder && theirs->seq == ours.seq &&
      theirs->lease_transitions == ours.lease_transitions) {
    return Finish(SaveResult::kSaved);  // it was our own write whose answer got lost
  }
  Put();
}

void StatusWriter::RetryLater(void (StatusWriter::*step)()) {
  engine_.After(retry_, [weak = std::weak_ptr(self_), step] {
    if (auto self = weak.lock()) ((*self)->*step)();
  });
  retry_ = std::min(retry_ * 2, options_.retry_max);
}

void StatusWriter::Refused(const Status& error) {
  if (std::exchange(refused_, true)) return;
  log::Error("Remediation status was refused; nothing is done before it is written",
             {{"remediation", remediation_.metadata.name}, {"error", Message(error)}});
}

void StatusWriter::Finish(SaveResult result) {
  // `done` may destroy the writer or save again.
  Done done = std::move(done_);
  done_ = nullptr;
  std::move(done)(result);
}

}  // namespace kr::remediation
