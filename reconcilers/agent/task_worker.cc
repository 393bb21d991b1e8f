#include "reconcilers/agent/task_worker.h"

#include <algorithm>
#include <utility>

#include <nlohmann/json.hpp>

#include "controller/base/log.h"
#include "controller/kube/request.h"
#include "crds/v1alpha1/common.h"
#include "crds/v1alpha1/node_codec.h"
#include "reconcilers/node/resources.h"

namespace kr::agent {
namespace {

using crds::NodeTaskStatus;
using crds::TaskPhase;
using nlohmann::json;

bool IsOver(const NodeTaskStatus& status) {
  return status.phase && crds::IsFinal(*status.phase);
}

NodeTaskStatus Ended(NodeTaskStatus status, TaskPhase phase, std::string reason,
                     std::string message, absl::Time at) {
  status.phase = phase;
  status.reason = std::move(reason);
  status.message = std::move(message);
  status.finished_at = at;
  return status;
}

}  // namespace

TaskWorker::TaskWorker(Options options, kube::Client& client, HostThread& thread,
                       const HostContext& host, kube::Waiter& waiter)
    : options_(std::move(options)),
      client_(client),
      thread_(thread),
      host_(host),
      waiter_(waiter),
      markers_(host.files, options_.state_folder) {}

StatusOr<NodeTaskStatus> TaskWorker::Run(const std::string& name, std::stop_token stop) {
  KR_RETURN_IF_ERROR(thread_.entered());
  KR_ASSIGN_OR_RETURN(Found found, Get(name, stop));
  if (IsOver(found.task.status)) return found.task.status;
  if (found.task.spec.via != options_.via) {
    return FailedPrecondition("NodeTask " + name + " is for " +
                              std::string(crds::ToString(found.task.spec.via)));
  }
  KR_ASSIGN_OR_RETURN(const node::HostIdentity host, Identity());
  if (std::optional<TaskMarker> marker = FindMarker(name)) {
    NodeTaskStatus status = Resume(found.task, *std::move(marker), host.boot_id);
    return Tell(name, std::move(status), stop);
  }
  KR_ASSIGN_OR_RETURN(const std::optional<node::Refusal> refusal, Check(found, host, stop));
  if (refusal) {
    return Tell(
        name, Ended({}, TaskPhase::kRefused, refusal->reason, refusal->message, host_.clock.Now()),
        stop);
  }
  return Execute(std::move(found), host, stop);
}

Status TaskWorker::Settle(const std::string& name, std::stop_token stop) {
  KR_RETURN_IF_ERROR(thread_.entered());
  KR_ASSIGN_OR_RETURN(const Found found, Get(name, stop));
  if (IsOver(found.task.status)) return OkStatus();
  KR_ASSIGN_OR_RETURN(const node::HostIdentity host, Identity());
  std::optional<TaskMarker> marker = FindMarker(name);
  if (!marker || marker->boot_id == host.boot_id) return OkStatus();
  return Tell(name, Resume(found.task, *std::move(marker), host.boot_id), stop).status();
}

StatusOr<NodeTaskStatus> TaskWorker::Execute(Found found, const node::HostIdentity& host,
                                             std::stop_token stop) {
  const std::string name = found.task.metadata.name;
  const crds::NodeTaskSpec spec = found.task.spec;
  TaskMarker marker{.boot_id = host.boot_id,
                    .status = {.phase = TaskPhase::kRunning,
                               .started_at = host_.clock.Now(),
                               .boot_id_before = host.boot_id}};
  Status begun;
  thread_.Do([&] {
    markers_.Forget(host_.clock.Now() - options_.memory);
    begun = markers_.Begin(name, marker);
  });
  if (!begun.ok()) {
    return Tell(name,
                Ended({}, TaskPhase::kRefused, "HostUnwritable",
                      "the host cannot remember that it was begun: " + std::string(Message(begun)),
                      host_.clock.Now()),
                stop);
  }
  const auto keep = [&] {
    // Best effort from here on: the marker says already that it was begun.
    if (Status kept = markers_.Update(name, marker); !kept.ok()) {
      log::Warning("The host does not remember", {{"task", name}, {"error", Message(kept)}});
    }
  };
  KR_ASSIGN_OR_RETURN(const bool ours, Claim(std::move(found), marker.status, stop));
  if (!ours) {
    marker.status = Ended(std::move(marker.status), TaskPhase::kRefused, "Withdrawn",
                          "was withdrawn before it began", host_.clock.Now());
    thread_.Do(keep);
    return marker.status;
  }
  log::Info("Executing", {{"task", name}, {"command", spec.node_command}});
  // An agent that is replaced finishes what it has begun; the pod of a Job is told to stop because
  // its time is over.
  const std::stop_token patience = options_.via == crds::TaskVia::kAgent ? std::stop_token() : stop;
  Executed executed;
  thread_.Do([&] {
    executed = ExecuteCommands(name, spec, host_, patience, [&](const auto& results) {
      marker.status.results = results;
      keep();
    });
    marker.status.results = std::move(executed.results);
    if (executed.succeeded && spec.reboots) {
      marker.status.phase = TaskPhase::kRebooting;
      marker.status.message = "the host restarts";
    } else {
      marker.status = Ended(
          std::move(marker.status), executed.succeeded ? TaskPhase::kSucceeded : TaskPhase::kFailed,
          executed.succeeded ? "" : "CommandFailed", executed.message, host_.clock.Now());
      marker.status.boot_id_after = host.boot_id;
    }
    keep();
  });
  log::Info("Executed", {{"task", name},
                         {"phase", crds::ToString(*marker.status.phase)},
                         {"message", marker.status.message}});
  return Tell(name, marker.status, stop);
}

NodeTaskStatus TaskWorker::Resume(const crds::NodeTask& task, TaskMarker marker,
                                  const std::string& boot_id) {
  NodeTaskStatus& status = marker.status;
  if (IsOver(status)) return status;
  const bool rebooted = !marker.boot_id.empty() && marker.boot_id != boot_id;
  if (task.spec.reboots && rebooted) {
    status = Ended(std::move(status), TaskPhase::kSucceeded, "", "the host has restarted",
                   host_.clock.Now());
  } else if (status.phase == TaskPhase::kRebooting) {
    return status;  // on its way down
  } else {
    status = Ended(std::move(status), TaskPhase::kInterrupted, "Interrupted",
                   rebooted ? "the host restarted in the middle of it"
                            : "it was begun, and who ran it is gone",
                   host_.clock.Now());
  }
  status.boot_id_after = boot_id;
  thread_.Do([&] { markers_.Update(task.metadata.name, marker).IgnoreError(); });
  return status;
}

StatusOr<std::optional<node::Refusal>> TaskWorker::Check(const Found& found,
                                                         const node::HostIdentity& host,
                                                         std::stop_token stop) {
  const crds::NodeTaskSpec& spec = found.task.spec;
  KR_ASSIGN_OR_RETURN(const json node,
                      Read(kube::GetObject(node::NodeResource(), {"", spec.node.name}), stop));
  KR_ASSIGN_OR_RETURN(
      const json command,
      Read(kube::GetObject(node::NodeCommandResource(), {"", spec.node_command}), stop));
  KR_ASSIGN_OR_RETURN(const json remediation,
                      Read(kube::GetObject({{"kube-remedy.io", "v1alpha1", "Remediation"},
                                            std::string(crds::kRemediationPlural),
                                            false},
                                           {"", spec.remediation.name}),
                           stop));
  return node::CheckTask(found.task, host, {node, command, remediation, found.now});
}

StatusOr<bool> TaskWorker::Claim(Found found, const NodeTaskStatus& running, std::stop_token stop) {
  const std::string name = found.task.metadata.name;
  absl::Duration pause = options_.retry;
  while (found.now <= found.task.spec.not_after) {
    const Status said = Patch(name, running, found.resource_version, stop);
    if (said.ok()) return true;
    if (absl::IsNotFound(said)) return false;
    // A conflict, or nobody knows: what does the server have?
    if (!waiter_.Wait(pause, stop)) return Cancelled("stopping");
    pause = std::min(pause * 2, options_.retry_max);
    StatusOr<Found> again = Get(name, stop);
    if (absl::IsNotFound(again.status())) return false;
    if (!again.ok()) {
      if (host_.clock.Now() > found.task.spec.not_after) return false;
      continue;
    }
    found = *std::move(again);
    if (!found.task.status.phase) continue;
    // Our own answer may have been lost on its way.
    return found.task.status.phase == TaskPhase::kRunning &&
           found.task.status.boot_id_before == running.boot_id_before;
  }
  return false;
}

StatusOr<NodeTaskStatus> TaskWorker::Tell(const std::string& name, NodeTaskStatus status,
                                          std::stop_token stop) {
  absl::Duration pause = options_.retry;
  for (;;) {
    // Once also when we are to stop: it takes no longer than a request may.
    const Status told = Patch(name, status, "", {});
    if (told.ok()) return status;
    if (absl::IsNotFound(told)) return told;
    if (absl::IsInvalidArgument(told) || absl::IsPermissionDenied(told)) {
      log::Error("The API server does not take the result",
                 {{"task", name}, {"error", Message(told)}});
      return told;
    }
    if (!waiter_.Wait(pause, stop)) return Cancelled("stopping; the host knows the result");
    pause = std::min(pause * 2, options_.retry_max);
  }
}

Status TaskWorker::Patch(const std::string& name, const NodeTaskStatus& status,
                         const std::string& resource_version, std::stop_token stop) {
  json patch = {{"status", crds::ToJson(status)}};
  if (!resource_version.empty()) patch["metadata"]["resourceVersion"] = resource_version;
  kube::HttpRequest request =
      kube::PatchObject(node::NodeTaskResource(), {"", name}, "status", kube::PatchType::kMerge,
                        patch, {.field_manager = "kube-remedy-agent"});
  request.timeout = options_.request_timeout;
  return client_.Send(request, std::move(stop)).status();
}

StatusOr<TaskWorker::Found> TaskWorker::Get(const std::string& name, std::stop_token stop) {
  kube::HttpRequest request = kube::GetObject(node::NodeTaskResource(), {"", name});
  request.timeout = options_.request_timeout;
  KR_ASSIGN_OR_RETURN(const kube::Reply reply, client_.Send(request, std::move(stop)));
  const json object = json::parse(reply.body, nullptr, false);
  auto task = crds::FromJson<crds::NodeTask>(object);
  if (!task.ok()) return Annotate(task.status(), "NodeTask " + name);
  const bool dated = reply.server_date != absl::InfinitePast();
  return Found{*std::move(task), object.value(json::json_pointer("/metadata/resourceVersion"), ""),
               dated ? reply.server_date : host_.clock.Now()};
}

StatusOr<json> TaskWorker::Read(const kube::HttpRequest& request, std::stop_token stop) {
  kube::HttpRequest timed = request;
  timed.timeout = options_.request_timeout;
  const StatusOr<kube::Reply> reply = client_.Send(timed, std::move(stop));
  if (absl::IsNotFound(reply.status())) return json();
  if (!reply.ok()) return reply.status();
  return json::parse(reply->body, nullptr, false);
}

StatusOr<node::HostIdentity> TaskWorker::Identity() {
  node::HostIdentity host{.node_name = options_.node_name};
  Status read;
  thread_.Do([&] {
    StatusOr<std::string> boot = host_.files.BootId();
    read = boot.status();
    if (boot.ok()) host.boot_id = *std::move(boot);
    host.system_uuid = host_.files.SystemUuid();
  });
  if (!read.ok()) return Annotate(read, "who this host is");
  return host;
}

std::optional<TaskMarker> TaskWorker::FindMarker(const std::string& name) {
  std::optional<TaskMarker> marker;
  thread_.Do([&] { marker = markers_.Find(name); });
  return marker;
}

}  // namespace kr::agent
