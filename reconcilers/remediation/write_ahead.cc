#include "reconcilers/remediation/write_ahead.h"

#include <utility>

#include "controller/base/digest.h"
#include "controller/kube/api_error.h"
#include "crds/meta/json_find.h"

namespace kr::remediation {
namespace {

crds::Verb VerbOf(std::string_view verb) {
  for (crds::Verb v : {crds::Verb::kCreate, crds::Verb::kPatch, crds::Verb::kUpdate,
                       crds::Verb::kDelete, crds::Verb::kEvict, crds::Verb::kCall}) {
    if (crds::ToString(v) == verb) return v;
  }
  return crds::Verb::kPatch;
}

std::string ResourceVersion(const nlohmann::json& object) {
  return crds::FindText(object, {"metadata", "resourceVersion"});
}

// The version that the object must still have.
std::string Precondition(const nlohmann::json& body) {
  if (!body.is_array()) return ResourceVersion(body);
  for (const nlohmann::json& operation : body) {  // a JSON patch tests it
    if (operation.value("op", "") == "test" &&
        operation.value("path", "") == "/metadata/resourceVersion") {
      return operation.value("value", "");
    }
  }
  return "";
}

// What the server said, with the details that only the body has: which budget an eviction violates.
std::string TextOf(const kube::ApiError& error) {
  std::string text = error.message;
  for (const kube::ApiError::Cause& cause : error.causes) {
    if (!cause.message.empty()) text += (text.empty() ? "" : " ") + cause.message;
  }
  return text;
}

}  // namespace

void WriteAhead::Execute(size_t step, const actions::ObjectRef& ref, actions::Write write,
                         bool rollback, Done done) {
  crds::RemediationStatus& status = writer_.status();
  crds::StepProgress& progress = status.steps[step];
  progress.memo = crds::RawJson(write.memo);
  crds::Intent intent{.step = progress.id,
                      .verb = VerbOf(write.verb),
                      .object = {ref.resource.gvk.ApiVersion(), ref.resource.gvk.kind,
                                 ref.key.name_space, ref.key.name, ref.uid},
                      .content_type = write.request.content_type,
                      .body = write.request.body,
                      .body_digest = Sha256Hex(write.request.body),
                      .rollback = rollback,
                      .at = services_.engine.clock().Now()};
  const auto body = nlohmann::json::parse(write.request.body, nullptr, false);
  intent.resource_version = Precondition(body);
  status.intent = std::move(intent);

  kube::HttpRequest request = std::move(write.request);
  // The server gives up when we do (the action put its timeout into the request): the permit that
  // covers our waiting covers its execution.
  request.timeout = services_.timing.write_timeout;
  writer_.Save(
      [this, request = std::move(request), done = std::move(done)](SaveResult save) mutable {
        if (save != SaveResult::kSaved) {
          return std::move(done)({.kind = Result::Kind::kSaveFailed, .save = save});
        }
        Send(std::move(request), std::move(done));
      },
      SaveFor::kAction);
}

void WriteAhead::Execute(size_t step, actions::Batch batch, BatchDone done) {
  crds::RemediationStatus& status = writer_.status();
  crds::StepProgress& progress = status.steps[step];
  progress.memo = crds::RawJson(batch.memo);
  const actions::Batch::One& first = batch.writes.front();
  status.intent = crds::Intent{.step = progress.id,
                               .verb = VerbOf(batch.verb),
                               .object = first.object,
                               .content_type = first.request.content_type,
                               .body = first.request.body,
                               .body_digest = Sha256Hex(first.request.body),
                               .at = services_.engine.clock().Now()};
  for (size_t i = 1; i < batch.writes.size(); ++i) {
    status.intent->others.push_back(batch.writes[i].object);
  }
  writer_.Save(
      [this, batch = std::move(batch), done = std::move(done)](SaveResult save) mutable {
        if (save != SaveResult::kSaved) {
          return std::move(done)({.answers = {}, .save = save});
        }
        SendBatch(std::move(batch), std::move(done));
      },
      SaveFor::kAction);
}

void WriteAhead::SendBatch(actions::Batch batch, BatchDone done) {
  // The last answer hands all of them on.
  struct Gathering {
    std::vector<StatusOr<kube::Reply>> answers;
    size_t open = 0;
    BatchDone done;
  };
  auto gathering = std::make_shared<Gathering>();
  gathering->open = batch.writes.size();
  gathering->answers.assign(batch.writes.size(), runtime::NotSent("not answered"));
  gathering->done = std::move(done);
  for (size_t i = 0; i < batch.writes.size(); ++i) {
    kube::HttpRequest request = std::move(batch.writes[i].request);
    request.timeout = services_.timing.write_timeout;
    services_.api.Send(std::move(request),
                       [weak = std::weak_ptr(self_), gathering, i](StatusOr<kube::Reply> reply) {
                         gathering->answers[i] = std::move(reply);
                         if (--gathering->open > 0 || !weak.lock()) return;
                         std::move(gathering->done)({.answers = std::move(gathering->answers)});
                       },
                       {.permit = runtime::PermitNeed::kDisruptive});
  }
}

void WriteAhead::Call(size_t step, const actions::ObjectRef& ref, actions::Call call,
                      CallDone done) {
  crds::RemediationStatus& status = writer_.status();
  crds::StepProgress& progress = status.steps[step];
  if (status.intent) return SendCall(std::move(call), std::move(done));  // once more
  progress.memo = crds::RawJson(call.memo);
  status.intent = crds::Intent{.step = progress.id,
                               .verb = crds::Verb::kCall,
                               .object = {ref.resource.gvk.ApiVersion(), ref.resource.gvk.kind,
                                          ref.key.name_space, ref.key.name, ref.uid},
                               .content_type = "application/json",
                               .body = call.body,
                               .body_digest = Sha256Hex(call.body),
                               .at = services_.engine.clock().Now()};
  writer_.Save(
      [this, call = std::move(call), done = std::move(done)](SaveResult save) mutable {
        if (save != SaveResult::kSaved) {
          return std::move(done)({.answer = {}, .save = save});
        }
        SendCall(std::move(call), std::move(done));
      },
      SaveFor::kAction);
}

void WriteAhead::SendCall(actions::Call call, CallDone done) {
  services_.webhooks.Call(std::move(call), [weak = std::weak_ptr(self_), done = std::move(done)](
                                               StatusOr<actions::Answer> answer) mutable {
    if (weak.lock()) std::move(done)({.answer = std::move(answer)});
  });
}

void WriteAhead::Send(kube::HttpRequest request, Done done) {
  services_.api.Send(
      std::move(request),
      [weak = std::weak_ptr(self_), done = std::move(done)](StatusOr<kube::Reply> reply) mutable {
        auto self = weak.lock();
        if (!self) return;
        std::move(done)((*self)->Judge(reply));
      },
      {.permit = runtime::PermitNeed::kDisruptive});
}

WriteAhead::Result WriteAhead::Judge(const StatusOr<kube::Reply>& reply) {
  if (!reply.ok()) return JudgeError(reply.status());
  auto object = nlohmann::json::parse(reply->body, nullptr, false);
  if (const Status inside = kube::FailureInside(object); !inside.ok()) return JudgeError(inside);
  Result result{.kind = Result::Kind::kDone};
  const std::string after = ResourceVersion(object);
  const crds::Intent& intent = *writer_.status().intent;
  const bool unchanged = !after.empty() && after == intent.resource_version;
  // Subresources answer with an object of their own that has the object's metadata. What a step
  // makes for its object is another one, and says nothing of which version is to be awaited.
  const bool same_kind =
      !object.is_object() || !object.contains("kind") || object["kind"] == intent.object.kind;
  const bool about_it =
      same_kind || (!intent.object.uid.empty() &&
                    crds::FindText(object, {"metadata", "uid"}) == intent.object.uid);
  // A deletion that is done at once answers with what the object was.
  const bool was = intent.verb == crds::Verb::kDelete && !after.empty() &&
                   !object["metadata"].contains("deletionTimestamp");
  Resolve(unchanged ? crds::WriteOutcome::kUnchanged : crds::WriteOutcome::kApplied,
          about_it ? object : nlohmann::json());
  if (!after.empty() && same_kind && !was) result.object = std::move(object);
  return result;
}

WriteAhead::Result WriteAhead::JudgeError(const Status& error) const {
  const auto api = kube::GetApiError(error);
  Result result{.retry_after = services_.timing.retry_initial, .error = error};
  if (api && api->retry_after) result.retry_after = *api->retry_after;
  if (runtime::IsNotSent(error) || absl::IsResourceExhausted(error)) {
    result.kind = Result::Kind::kNotSent;
    if (api && api->code == 429) result.refusal = TextOf(*api);
  } else if (absl::IsInvalidArgument(error) && api && api->code != 422) {
    result.kind = Result::Kind::kRejected;
  } else if (absl::IsPermissionDenied(error)) {
    result.kind = Result::Kind::kRejected;
  } else {
    // Also 404, 409 and 422: a request that was sent again on a broken connection may have met its
    // own success.
    result.kind = Result::Kind::kUnknown;
  }
  return result;
}

void WriteAhead::Resolve(crds::WriteOutcome outcome, const nlohmann::json& live) {
  crds::RemediationStatus& status = writer_.status();
  if (!status.intent) return;
  const crds::Intent intent = *std::move(status.intent);
  status.intent.reset();
  const bool called = intent.verb == crds::Verb::kCall;  // which leaves no trace in the object
  for (crds::StepProgress& step : status.steps) {
    if (step.id != intent.step) continue;
    step.writes.push_back({.verb = intent.verb,
                           .object = intent.object,
                           .resource_version_before = intent.resource_version,
                           .resource_version_after = called ? "" : ResourceVersion(live),
                           .outcome = outcome,
                           .intent_at = intent.at});
  }
}

}  // namespace kr::remediation
