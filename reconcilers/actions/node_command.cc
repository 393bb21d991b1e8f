#include "reconcilers/actions/node_command.h"

#include <optional>
#include <utility>
#include <variant>
#include <vector>

#include "controller/kube/request.h"
#include "crds/meta/duration.h"
#include "crds/meta/text.h"
#include "crds/meta/time.h"
#include "crds/v1alpha1/node_codec.h"
#include "crds/v1alpha1/remediation.h"
#include "reconcilers/actions/change.h"
#include "reconcilers/actions/computed_value.h"
#include "reconcilers/actions/node_command_path.h"
#include "reconcilers/actions/node_object.h"
#include "reconcilers/actions/reboot_locks.h"
#include "reconcilers/node/job.h"
#include "reconcilers/node/parameters.h"
#include "reconcilers/node/resources.h"
#include "reconcilers/node/task.h"

namespace kr::actions {
namespace {

using crds::TaskPhase;
using crds::TaskVia;
using nlohmann::json;

// In the memo, beside those of reconcilers/node/task.h.
constexpr char kVia[] = "via";
constexpr char kNotAfter[] = "notAfter";
constexpr char kValues[] = "values";
constexpr char kWithdrawn[] = "withdrawn";
// Of Looks.
constexpr char kCommand[] = "command";
constexpr char kTask[] = "task";
constexpr char kJob[] = "job";
constexpr char kSelf[] = "self";

// Changes of the task wake the runner; this is for when its watch is broken.
constexpr absl::Duration kReread = absl::Seconds(30);
// Between what the Job says of itself and what its pod has said of the task.
constexpr absl::Duration kJobLag = absl::Seconds(10);

template <typename T>
using OrNext = std::variant<T, Next>;

node::Values TextsOf(const json& values) {
  node::Values texts;
  for (const auto& [name, value] : values.items()) {
    texts[name] = value.is_string() ? value.get<std::string>() : value.dump();
  }
  return texts;
}

// When the Job ended badly; nullopt: it has not.
std::optional<absl::Time> FailedAt(const json& job, std::string& why) {
  const json* conditions = Find(job, {"status", "conditions"});
  if (conditions == nullptr || !conditions->is_array()) return std::nullopt;
  for (const json& condition : *conditions) {
    const std::string type = FindText(condition, {"type"});
    if ((type != "Failed" && type != "Complete") || FindText(condition, {"status"}) != "True") {
      continue;
    }
    why = FindText(condition, {"message"});
    return crds::ParseTime(FindText(condition, {"lastTransitionTime"}))
        .value_or(absl::InfinitePast());
  }
  return std::nullopt;
}

// What a person wants to see of a failed task: the end of the output of what failed.
std::string TailOf(const crds::NodeTaskStatus& status) {
  if (status.results.empty()) return "";
  std::string output = status.results.back().output;
  while (!output.empty() && output.back() == '\n') output.pop_back();
  if (output.empty()) return "";
  constexpr size_t kTail = 300;
  if (output.size() > kTail) output = "..." + output.substr(output.size() - kTail);
  return ": " + output;
}

class NodeCommandAction final : public Action {
 public:
  NodeCommandAction(const crds::RunNodeCommand& params, std::vector<ComputedValue> values)
      : params_(params), values_(std::move(values)) {}

  std::string_view kind() const override { return "nodeCommand"; }
  Disruption disruption() const override { return Disruption::kNode; }
  Reversal reversal() const override { return Reversal::kIrreversible; }
  std::vector<RbacRule> RequiredRules(const kube::Resource&) const override {
    const std::string group(crds::kGroup);
    std::vector<RbacRule> rules = {{"", "nodes", "get"}, {group, "nodecommands", "get"}};
    // Whose members a restart of the host would take down.
    rules.push_back({"", "pods", "list"});
    rules.push_back({"apps", "statefulsets", "get"});
    for (const char* verb : {"get", "list", "watch", "create", "delete"}) {
      rules.push_back({group, "nodetasks", verb});
    }
    if (params_.via != crds::CommandPath::kAgent) {
      for (const char* verb : {"get", "create", "delete"}) {
        rules.push_back({"batch", "jobs", verb, "", node::kNodeNamespace});
      }
      rules.push_back({"", "pods", "get", "*"});  // which image we are
    }
    rules.push_back({"coordination.k8s.io", "leases", "get", "", node::kNodeNamespace});
    return rules;
  }

  std::string Describe() const override {
    return "run NodeCommand " + params_.name + TextOf(params_.parameters, values_);
  }

  std::vector<const cel::Program*> Expressions() const override { return ProgramsOf(values_); }

  Next Ask(const json& memo, const Observed& observed) const override {
    if (auto need = NeedNode(observed, kind())) return *std::move(need);
    if (!FindText(memo, {node::kMemoTask}).empty()) return Pursue(memo, observed);
    return Order(memo, observed);
  }

 private:
  static const json* Seen(const Observed& observed, const char* name) {
    const auto found = observed.looked.find(name);
    return found == observed.looked.end() ? nullptr : &found->second.object;
  }

  // --- making the task

  // `memo` holds what was ordered before, if that got lost, or what ChoosePath left.
  Next Order(const json& memo, const Observed& observed) const {
    OrNext<crds::NodeCommand> command = FindCommand(observed);
    if (auto* instead = std::get_if<Next>(&command)) return std::move(*instead);
    const crds::NodeCommandSpec& spec = std::get<crds::NodeCommand>(command).spec;
    OrNext<node::Values> values = FindValues(spec, memo, observed);
    if (auto* instead = std::get_if<Next>(&values)) return std::move(*instead);
    auto commands = node::FillIn(spec, std::get<node::Values>(values));
    if (!commands.ok()) return Invalid(commands.status());
    crds::NodeTaskSpec task{
        .node_command = params_.name,
        .command_digest = node::CommandDigest(spec),
        .remediation = {observed.remediation->metadata.name, observed.remediation->metadata.uid},
        .step = observed.step,
        .commands = *std::move(commands),
        .reboots = spec.reboots,
        .max_output_bytes = spec.max_output_bytes};
    if (Status bound = Bind(task, observed); !bound.ok()) {
      return Failed{"NodeUnknown", std::string(Message(bound))};
    }
    if (const std::string ordered = FindText(memo, {kNotAfter}); !ordered.empty()) {
      task.via = FindText(memo, {kVia}) == "Agent" ? TaskVia::kAgent : TaskVia::kJob;
      task.not_after = crds::ParseTime(ordered).value_or(absl::InfinitePast());
      if (observed.now >= task.not_after) return NotStarted(memo, observed);
    } else {
      if (spec.reboots) {
        if (auto instead = AwaitSets(observed)) return *std::move(instead);
      }
      auto path = ChoosePath(params_.via, spec, memo, observed);
      if (auto* instead = std::get_if<Next>(&path)) return std::move(*instead);
      task.via = std::get<TaskVia>(path);
      // To whole seconds, as it is written: both spellings must have the same digest.
      task.not_after =
          absl::FromUnixSeconds(absl::ToUnixSeconds(observed.now + params_.start_deadline) + 1);
    }
    return Create(std::move(task), std::get<node::Values>(values), memo, observed);
  }

  std::optional<Next> AwaitSets(const Observed& observed) const {
    std::optional<Next> next = AwaitWholeSets(observed);
    const Wait* wait = next ? std::get_if<Wait>(&*next) : nullptr;
    if (wait == nullptr || observed.now < observed.step_started + params_.timeout) return next;
    return Failed{"SetNotWhole",
                  "after " + crds::FormatDuration(params_.timeout) + " " + wait->progress};
  }

  OrNext<crds::NodeCommand> FindCommand(const Observed& observed) const {
    const json* found = Seen(observed, kCommand);
    if (found == nullptr) {
      return Next(Look{kube::GetObject(node::NodeCommandResource(), {"", params_.name}), kCommand});
    }
    if (found->is_null()) {
      return Next(Failed{"NoNodeCommand", "NodeCommand " + params_.name + " does not exist"});
    }
    auto command = crds::FromJson<crds::NodeCommand>(*found);
    Status status = command.status();
    if (status.ok()) status = node::CheckPatterns(command->spec);
    if (!status.ok()) {
      return Next(Failed{"InvalidNodeCommand",
                         "NodeCommand " + params_.name + ": " + std::string(Message(status))});
    }
    return *std::move(command);
  }

  // Evaluated once; what was ordered before stays what it was.
  OrNext<node::Values> FindValues(const crds::NodeCommandSpec& spec, const json& memo,
                                  const Observed& observed) const {
    if (const json* before = Find(memo, {kValues})) return TextsOf(*before);
    std::variant<json, Next> given = GiveParameters(params_.parameters, values_, observed);
    if (auto* instead = std::get_if<Next>(&given)) return std::move(*instead);
    auto values = node::ResolveParameters(spec, TextsOf(std::get<json>(given)));
    if (!values.ok()) return Invalid(values.status());
    return *std::move(values);
  }

  Next Invalid(const Status& status) const {
    return Failed{"InvalidParameter",
                  "NodeCommand " + params_.name + ": " + std::string(Message(status))};
  }

  static Status Bind(crds::NodeTaskSpec& task, const Observed& observed) {
    const json& node = *observed.live;
    task.node = {observed.ref.key.name, FindText(node, {"metadata", "uid"}),
                 FindText(node, {"status", "nodeInfo", "systemUUID"}),
                 FindText(node, {"status", "nodeInfo", "bootID"})};
    if (!task.node.boot_id.empty()) return OkStatus();
    return FailedPrecondition(ObjectText(observed.ref) +
                              " reports no boot ID: nobody could tell which host is meant");
  }

  Next Create(crds::NodeTaskSpec spec, const node::Values& values, const json& before,
              const Observed& observed) const {
    const std::string name = node::TaskName(spec);
    const std::string digest = node::TaskDigest(spec);
    const std::string ordered = FindText(before, {node::kMemoDigest});
    if (!ordered.empty() && ordered != digest) {
      return Failed{"CommandChanged", "NodeCommand " + params_.name + " or " +
                                          ObjectText(observed.ref) +
                                          " has changed since this was ordered"};
    }
    json memo = {{node::kMemoTask, name},
                 {node::kMemoDigest, digest},
                 {kVia, crds::ToString(spec.via)},
                 {kNotAfter, crds::FormatTime(spec.not_after)},
                 {kValues, values}};
    if (spec.reboots) memo[kRestartOrdered] = crds::FormatTime(observed.now);
    const crds::Remediation& owner = *observed.remediation;
    const json object = {
        {"apiVersion", crds::kApiVersion},
        {"kind", crds::kNodeTaskKind},
        {"metadata",
         {{"name", name},
          {"labels", {{crds::kNodeTaskNodeLabel, node::NodeLabel(spec.node.name)}}},
          {"ownerReferences",
           {{{"apiVersion", crds::kApiVersion},
             {"kind", crds::kRemediationKind},
             {"name", owner.metadata.name},
             {"uid", owner.metadata.uid}}}}}},
        {"spec", crds::ToJson(spec)}};
    return Write{.request = kube::CreateObject(
                     node::NodeTaskResource(), "", object,
                     {.field_manager = kFieldManager, .server_timeout = observed.server_timeout}),
                 .verb = "Create",
                 .summary = "run NodeCommand " + params_.name + " on " + ObjectText(observed.ref) +
                            " by its " + (spec.via == TaskVia::kAgent ? "agent" : "Job") +
                            " (NodeTask " + name + ")",
                 .memo = std::move(memo)};
  }

  // --- until it is over

  Next Pursue(const json& memo, const Observed& observed) const {
    const std::string name = FindText(memo, {node::kMemoTask});
    const json* found = Seen(observed, kTask);
    if (found == nullptr) {
      return Look{kube::GetObject(node::NodeTaskResource(), {"", name}), kTask};
    }
    const bool withdrawn = Find(memo, {kWithdrawn}) != nullptr;
    if (found->is_null()) return withdrawn ? NotStarted(memo, observed) : Order(memo, observed);
    auto task = crds::FromJson<crds::NodeTask>(*found);
    if (!task.ok()) {
      return Failed{"InvalidNodeTask",
                    "NodeTask " + name + ": " + std::string(Message(task.status()))};
    }
    const crds::NodeTaskStatus& status = task->status;
    if (status.phase && crds::IsFinal(*status.phase)) return Conclude(*task);
    const std::string boot = FindText(*observed.live, {"status", "nodeInfo", "bootID"});
    if (task->spec.reboots && status.phase && !boot.empty() && boot != task->spec.node.boot_id) {
      return Done{.message = ObjectText(observed.ref) + " has restarted: boot " +
                             task->spec.node.boot_id + " became " + boot};
    }
    const absl::Time begin_by = task->spec.not_after;
    const absl::Time end_by = observed.step_started + params_.timeout;
    const bool late = observed.now >= end_by || (!status.phase && observed.now >= begin_by);
    if (task->spec.via == TaskVia::kJob) {
      if (auto next = PursueJob(*task, memo, late, observed)) return *std::move(next);
    } else if (late && !status.phase) {
      return Withdraw(*task, memo, observed);
    }
    if (late) return TimedOut(*task);
    const absl::Time until = status.phase ? end_by : std::min(begin_by, end_by);
    return Wait{.until = std::min(until, observed.now + kReread),
                .progress = Progress(*task),
                .memo = memo,
                .reread = true};
  }

  static std::string Progress(const crds::NodeTask& task) {
    const bool agent = task.spec.via == TaskVia::kAgent;
    const std::string text = "NodeTask " + task.metadata.name;
    if (!task.status.phase) {
      return text + " waits for " + (agent ? "the agent" : "its Job") + " to begin";
    }
    if (task.status.phase == TaskPhase::kRebooting) return text + ": the host restarts";
    return text + " is being executed by " + (agent ? "the agent" : "its Job") + ", " +
           std::to_string(task.status.results.size()) + " of " +
           std::to_string(task.spec.commands.size()) + " commands done";
  }

  Next Conclude(const crds::NodeTask& task) const {
    const crds::NodeTaskStatus& status = task.status;
    const std::string text = "NodeCommand " + params_.name + " on Node " + task.spec.node.name;
    if (status.phase == TaskPhase::kSucceeded) return Done{.message = text + ": " + status.message};
    const std::string tail = status.phase == TaskPhase::kFailed ? TailOf(status) : "";
    return Failed{status.reason.empty() ? "CommandFailed" : status.reason,
                  text + ": " + status.message + tail};
  }

  // nullopt: there is nothing to do about the Job now.
  std::optional<Next> PursueJob(const crds::NodeTask& task, const json& memo, bool late,
                                const Observed& observed) const {
    const kube::ObjectKey key{observed.node_jobs->name_space, task.metadata.name};
    const json* job = Seen(observed, kJob);
    if (job == nullptr) return Look{kube::GetObject(node::JobResource(), key), kJob};
    const bool going = !job->is_null() && Find(*job, {"metadata", "deletionTimestamp"}) != nullptr;
    if (late || Find(memo, {kWithdrawn}) != nullptr) {
      if (!job->is_null() && !going) return RemoveJob(*job, key, memo, observed);
      if (!task.status.phase) return NotStarted(memo, observed);
      return TimedOut(task);
    }
    if (job->is_null()) {
      if (task.status.phase) return std::nullopt;  // it was cleaned up; the task says the rest
      return CreateJob(task, memo, observed);
    }
    std::string why;
    const auto failed = FailedAt(*job, why);
    if (!failed || task.status.phase == TaskPhase::kRebooting || task.spec.reboots) {
      return std::nullopt;
    }
    if (observed.now < *failed + kJobLag) {
      return Wait{.until = *failed + kJobLag,
                  .progress = "the Job of " + task.metadata.name + " has ended",
                  .memo = memo,
                  .reread = true};
    }
    if (!task.status.phase) {
      return Failed{"JobFailed", "the Job " + key.ToString() + " ended before it began: " + why};
    }
    return Failed{"Interrupted",
                  "the Job " + key.ToString() + " ended and did not say what came of it: " + why};
  }

  std::optional<Next> CreateJob(const crds::NodeTask& task, const json& memo,
                                const Observed& observed) const {
    const NodeJobs& jobs = *observed.node_jobs;
    std::string image = jobs.image;
    if (image.empty() && !jobs.own_pod.name.empty()) {
      const json* self = Seen(observed, kSelf);
      if (self == nullptr) {
        return Look{kube::GetObject({{"", "v1", "Pod"}, "pods", true}, jobs.own_pod), kSelf};
      }
      const json* containers = Find(*self, {"spec", "containers"});
      if (containers != nullptr && containers->is_array() && !containers->empty()) {
        image = FindText(containers->front(), {"image"});
      }
    }
    if (image.empty()) {
      return Failed{"NoImage",
                    "which image its Job is to have is not known: nodeCommands.image in the "
                    "operator's configuration is not set, and the operator runs in no pod"};
    }
    const json job =
        node::MakeJob(task, {.name_space = jobs.name_space,
                             .image = image,
                             .service_account = jobs.service_account,
                             .api_server = jobs.api_server,
                             .deadline = observed.step_started + params_.timeout - observed.now});
    return Write{.request = kube::CreateObject(
                     node::JobResource(), jobs.name_space, job,
                     {.field_manager = kFieldManager, .server_timeout = observed.server_timeout}),
                 .verb = "Create",
                 .summary = "create Job " + jobs.name_space + "/" + task.metadata.name,
                 .memo = memo};
  }

  static Next RemoveJob(const json& job, const kube::ObjectKey& key, json memo,
                        const Observed& observed) {
    memo[kWithdrawn] = true;
    return Write{.request = kube::DeleteObject(
                     node::JobResource(), key,
                     {.uid = FindText(job, {"metadata", "uid"}), .propagation = "Background"},
                     {.server_timeout = observed.server_timeout}),
                 .verb = "Delete",
                 .summary = "remove Job " + key.ToString() + ", its time is up",
                 .memo = std::move(memo)};
  }

  // Not if the agent begins at this very moment: then the version is another one.
  static Next Withdraw(const crds::NodeTask& task, json memo, const Observed& observed) {
    memo[kWithdrawn] = true;
    return Write{
        .request = kube::DeleteObject(
            node::NodeTaskResource(), {"", task.metadata.name},
            {.uid = task.metadata.uid, .resource_version = task.metadata.resource_version},
            {.server_timeout = observed.server_timeout}),
        .verb = "Delete",
        .summary = "withdraw NodeTask " + task.metadata.name + ", it has not begun in time",
        .memo = std::move(memo)};
  }

  Next NotStarted(const json& memo, const Observed& observed) const {
    const bool agent = FindText(memo, {kVia}) == "Agent";
    return Failed{"NotStarted",
                  "NodeCommand " + params_.name + " on " + ObjectText(observed.ref) +
                      " was not begun within " + crds::FormatDuration(params_.start_deadline) +
                      (agent ? " by the agent" : ": the node has not started the pod of its Job")};
  }

  Next TimedOut(const crds::NodeTask& task) const {
    if (task.status.phase == TaskPhase::kRebooting) {
      return Failed{"TimedOut", "Node " + task.spec.node.name + " still reports boot " +
                                    task.spec.node.boot_id + " " +
                                    crds::FormatDuration(params_.timeout) + " after NodeTask " +
                                    task.metadata.name +
                                    " was begun, which has told its host to restart: look at the "
                                    "machine's console"};
    }
    return Failed{"TimedOut", "NodeTask " + task.metadata.name + " is not over after " +
                                  crds::FormatDuration(params_.timeout)};
  }

  const crds::RunNodeCommand params_;
  const std::vector<ComputedValue> values_;
};

}  // namespace

StatusOr<std::unique_ptr<Action>> MakeNodeCommand(const crds::RunNodeCommand& params,
                                                  const cel::Scope& scope, std::string_view path) {
  KR_ASSIGN_OR_RETURN(std::vector<ComputedValue> values,
                      CompileParameters(params.parameters, scope, path));
  return std::make_unique<NodeCommandAction>(params, std::move(values));
}

}  // namespace kr::actions
