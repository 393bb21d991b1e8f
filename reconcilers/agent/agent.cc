#include "reconcilers/agent/agent.h"

#include <thread>
#include <utility>

#include <nlohmann/json.hpp>

#include "controller/base/log.h"
#include "controller/kube/request.h"
#include "controller/runtime/lease.h"
#include "reconcilers/agent/task_watch.h"
#include "reconcilers/node/resources.h"

namespace kr::agent {

using nlohmann::json;

Agent::Agent(Options options, kube::Client& lease_client, kube::StreamTransport& streams,
             TaskWorker& worker, Clock& clock)
    : options_(std::move(options)),
      client_(lease_client),
      streams_(streams),
      worker_(worker),
      clock_(clock) {}

void Agent::Run(std::stop_token stop) {
  std::jthread renewing([this](std::stop_token stopped) { RenewLoop(std::move(stopped)); });
  const TaskWatch watch(options_.node_name, streams_, clock_,
                        [this](std::string task) { Add(std::move(task)); });
  WorkLoop(stop);
  // Until here the lease says that somebody is here: a task may have been under way.
}

void Agent::Add(std::string task) {
  const MutexLock lock(mu_);
  tasks_.insert(std::move(task));
  changed_.NotifyAll();
}

std::string Agent::Next(std::stop_token stop) {
  const MutexLock lock(mu_);
  while (!stop.stop_requested()) {
    changed_.Wait(mu_, stop, absl::Hours(1), [this] { return !tasks_.empty(); });
    if (tasks_.empty() || stop.stop_requested()) continue;
    return tasks_.extract(tasks_.begin()).value();
  }
  return "";
}

void Agent::WorkLoop(const std::stop_token& stop) {
  for (std::string task = Next(stop); !task.empty(); task = Next(stop)) {
    Status status = worker_.Run(task, stop).status();
    if (absl::IsFailedPrecondition(status)) status = worker_.Settle(task, stop);
    if (status.ok() || absl::IsNotFound(status) || stop.stop_requested()) continue;
    log::Warning("The task could not be looked at, trying again",
                 {{"task", task}, {"error", Message(status)}});
    const MutexLock lock(mu_);
    changed_.Wait(mu_, stop, options_.retry, [] { return false; });
    tasks_.insert(std::move(task));
  }
}

void Agent::RenewLoop(std::stop_token stop) {
  Mutex mu;
  CondVar never;
  bool failing = false;
  while (!stop.stop_requested()) {
    const Status renewed = Renew(stop);
    if (!renewed.ok() && !failing && !stop.stop_requested()) {
      log::Warning("The agent's lease could not be renewed", {{"error", Message(renewed)}});
    }
    failing = !renewed.ok();
    const MutexLock lock(mu);
    never.Wait(mu, stop, failing ? options_.retry : options_.renew_interval, [] { return false; });
  }
}

Status Agent::Renew(std::stop_token stop) {
  const kube::ObjectKey key{options_.name_space, node::AgentLeaseName(options_.node_name)};
  const json spec = {{"holderIdentity", options_.identity},
                     {"leaseDurationSeconds", absl::ToInt64Seconds(options_.lease_duration)},
                     {"renewTime", runtime::FormatMicroTime(clock_.Now())}};
  kube::HttpRequest patch =
      kube::PatchObject(node::LeaseResource(), key, "", kube::PatchType::kMerge, {{"spec", spec}},
                        {.field_manager = "kube-remedy-agent"});
  patch.timeout = options_.request_timeout;
  const Status patched = client_.Send(patch, stop).status();
  if (!absl::IsNotFound(patched)) return patched;
  kube::HttpRequest create =
      kube::CreateObject(node::LeaseResource(), key.name_space,
                         {{"apiVersion", "coordination.k8s.io/v1"},
                          {"kind", "Lease"},
                          {"metadata", {{"name", key.name}, {"namespace", key.name_space}}},
                          {"spec", spec}},
                         {.field_manager = "kube-remedy-agent"});
  create.timeout = options_.request_timeout;
  return client_.Send(create, std::move(stop)).status();
}

}  // namespace kr::agent
