#include "reconcilers/node/task.h"

#include <nlohmann/json.hpp>

#include "absl/strings/ascii.h"
#include "controller/base/digest.h"
#include "crds/meta/text.h"
#include "crds/meta/time.h"
#include "crds/v1alpha1/common.h"
#include "crds/v1alpha1/node_codec.h"

namespace kr::node {
namespace {

using nlohmann::json;

constexpr size_t kMaxLabel = 63;

// "" when there is no text at `pointer`.
std::string TextAt(const json& object, const char* pointer) {
  const json::json_pointer at(pointer);
  if (!object.is_object() || !object.contains(at) || !object[at].is_string()) return "";
  return object[at].get<std::string>();
}

int64_t NumberOr(const json& object, const char* name, int64_t missing) {
  const auto found = object.find(name);
  return found != object.end() && found->is_number_integer() ? found->get<int64_t>() : missing;
}

std::string Lower(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) c = absl::ascii_tolower(static_cast<unsigned char>(c));
  return lower;
}

std::optional<Refusal> CheckHost(const crds::TaskNode& want, const HostIdentity& host,
                                 const json& node) {
  if (want.name != host.node_name) {
    return Refusal{"OtherNode", "is for node " + want.name + ", this is " + host.node_name};
  }
  if (want.boot_id != host.boot_id) {
    return Refusal{"OtherBoot", "was made for boot " + want.boot_id +
                                    ", the host runs since boot " + host.boot_id};
  }
  if (node.is_null()) return Refusal{"NodeGone", "node " + want.name + " does not exist"};
  if (TextAt(node, "/metadata/uid") != want.uid) {
    return Refusal{"OtherNode", "node " + want.name + " is another object by now (UID)"};
  }
  if (Lower(TextAt(node, "/status/nodeInfo/systemUUID")) != Lower(want.system_uuid) ||
      (!host.system_uuid.empty() && !want.system_uuid.empty() &&
       Lower(host.system_uuid) != Lower(want.system_uuid))) {
    return Refusal{"OtherHost", "node " + want.name + " is another machine by now (system UUID)"};
  }
  return std::nullopt;
}

std::optional<Refusal> CheckCommand(const crds::NodeTaskSpec& spec, const json& node_command) {
  if (node_command.is_null()) {
    return Refusal{"CommandGone", "NodeCommand " + spec.node_command + " does not exist any more"};
  }
  const auto command = crds::FromJson<crds::NodeCommand>(node_command);
  if (!command.ok() || CommandDigest(command->spec) != spec.command_digest) {
    return Refusal{"CommandChanged", "NodeCommand " + spec.node_command +
                                         " has been changed since the task was made from it"};
  }
  return std::nullopt;
}

bool IsStep(const json& progress, const crds::StepId& id) {
  return TextAt(progress, "/remedy") == id.remedy &&
         NumberOr(progress, "attempt", 1) == id.attempt &&
         NumberOr(progress, "step", 0) == id.step && NumberOr(progress, "item", 0) == id.item;
}

std::optional<Refusal> CheckJournal(const crds::NodeTask& task, const json& remediation) {
  const crds::NodeTaskSpec& spec = task.spec;
  const std::string name = "Remediation " + spec.remediation.name;
  if (remediation.is_null() || TextAt(remediation, "/metadata/uid") != spec.remediation.uid) {
    return Refusal{"RemediationGone", name + " does not exist any more"};
  }
  const bool cancelled = remediation.value(json::json_pointer("/spec/cancel"), false);
  if (cancelled || !TextAt(remediation, "/metadata/deletionTimestamp").empty()) {
    return Refusal{"Cancelled", name + " is being cancelled"};
  }
  // One that has ended in the middle of a step leaves the step as it was.
  if (const std::string phase = TextAt(remediation, "/status/phase"); phase != "Running") {
    return Refusal{"StepOver", name + " is " + (phase.empty() ? "not begun" : phase) +
                                   ": nobody waits for this task"};
  }
  const auto steps = json::json_pointer("/status/steps");
  if (remediation.contains(steps) && remediation[steps].is_array()) {
    for (const json& progress : remediation[steps]) {
      if (!progress.is_object() || !IsStep(progress, spec.step)) continue;
      const auto memo = progress.find("memo");
      if (memo == progress.end() || TextAt(*memo, "/task") != task.metadata.name ||
          TextAt(*memo, "/digest") != TaskDigest(spec)) {
        continue;
      }
      if (TextAt(progress, "/state") == "Running") return std::nullopt;
      return Refusal{"StepOver", "the step of " + name + " that ordered it is over"};
    }
  }
  return Refusal{"NotInJournal", "the journal of " + name + " does not know this task"};
}

}  // namespace

std::string CommandDigest(const crds::NodeCommandSpec& spec) {
  return Sha256Hex(crds::ToJson(spec).dump());
}

std::string TaskDigest(const crds::NodeTaskSpec& spec) {
  return Sha256Hex(crds::ToJson(spec).dump());
}

std::string TaskName(const crds::NodeTaskSpec& spec) {
  const json identity = {spec.remediation.uid, spec.step.remedy, spec.step.attempt, spec.step.step,
                         spec.step.item};
  // Jobs have the same name, and their pods' names end with six characters more.
  std::string command = spec.node_command.substr(0, 40);
  while (!command.empty() && (command.back() == '-' || command.back() == '.')) command.pop_back();
  for (char& c : command) c = c == '.' ? '-' : c;
  return command + "-" + Sha256Hex(identity.dump()).substr(0, 16);
}

std::string NodeLabel(std::string_view node) {
  return node.size() <= kMaxLabel ? std::string(node) : Sha256Hex(node).substr(0, 32);
}

std::string AgentLeaseName(std::string_view node) {
  return "kube-remedy-agent-" + (node.size() <= 200 ? std::string(node) : NodeLabel(node));
}

std::optional<Refusal> CheckTask(const crds::NodeTask& task, const HostIdentity& host,
                                 const Surroundings& around) {
  if (auto refusal = CheckHost(task.spec.node, host, around.node)) return refusal;
  if (around.now > task.spec.not_after) {
    return Refusal{"Expired", "should have begun by " + crds::FormatTime(task.spec.not_after)};
  }
  if (auto refusal = CheckCommand(task.spec, around.node_command)) return refusal;
  return CheckJournal(task, around.remediation);
}

}  // namespace kr::node
