// `kubectl remedy test`: policies against objects in files, without a cluster. The controller's own
// code runs on them, so what it says here it does there.
#include <algorithm>
#include <ostream>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "cmd/common/command_line.h"
#include "cmd/kubectl-remedy/command.h"
#include "cmd/kubectl-remedy/explain.h"
#include "cmd/kubectl-remedy/manifests.h"
#include "cmd/kubectl-remedy/rehearsal.h"
#include "crds/meta/time.h"
#include "crds/v1alpha1/codec.h"

namespace kr::cmd {
namespace {

using nlohmann::json;

constexpr std::string_view kExpect = "expect.kube-remedy.io/";

constexpr char kFooter[] = R"(
The files hold RemediationPolicies and any objects: targets, what they are joined to, Events, Leases.
The time is --now, otherwise that of the youngest Event or condition in the files, so that the answer
is the same tomorrow. Time then passes until every trigger's `for` is over.

What is expected can be written at a target, for one policy or with "any" for all:

  metadata:
    annotations:
      expect.kube-remedy.io/calico-felix-healthhost: Act      # or Wait, Wait/BreakerOpen, Healthy

Examples:
  kubectl remedy test -f policy.yaml -f objects.yaml
  kubectl get ds,pods,events -n kube-system -o yaml | kubectl remedy test -f policy.yaml -f -
  kubectl remedy test -f policy.yaml -f objects.yaml --now 2026-01-02T03:04:05Z -o json

Exit status: 0 when all expectations hold, 1 with an error (a policy that is not accepted is one), 2
for a wrong command line, 3 when an expectation does not hold.)";

// The youngest time that Events, Leases and conditions tell.
std::optional<absl::Time> Youngest(const json& value) {
  static constexpr std::string_view kTimes[] = {
      "lastTimestamp", "eventTime",         "lastObservedTime", "lastTransitionTime",
      "renewTime",     "lastHeartbeatTime", "firstTimestamp"};
  std::optional<absl::Time> youngest;
  const auto note = [&](const std::optional<absl::Time>& time) {
    if (time && (!youngest || *time > *youngest)) youngest = time;
  };
  if (!value.is_structured()) return youngest;
  for (const auto& [key, element] : value.items()) {
    if (element.is_structured()) note(Youngest(element));
    if (!element.is_string() || std::ranges::find(kTimes, key) == std::end(kTimes)) continue;
    absl::Time time;
    if (absl::ParseTime(absl::RFC3339_full, element.get<std::string>(), &time, nullptr)) note(time);
  }
  return youngest;
}

class TestCommand final : public Command {
 public:
  CLI::App& Declare(CLI::App& app) override {
    CLI::App* command =
        app.add_subcommand("test", "Say what policies would do about objects in files");
    command->add_option("-f,--filename", files_, "Policies and objects; - is standard input")
        ->required()
        ->type_name("FILE");
    command->add_option("--now", now_, "The time to begin at, as 2026-01-02T03:04:05Z")
        ->type_name("TIME");
    AddOutputFlag(*command, output_);
    command->footer(kFooter);
    return *command;
  }

  Status Run(Console& console) override {
    KR_ASSIGN_OR_RETURN(const std::vector<json> objects, ReadManifests(files_));
    KR_ASSIGN_OR_RETURN(const absl::Time now, TimeOf(objects, console));
    sandbox::Sandbox sandbox({.now = now, .upstream = {}});
    size_t policies = 0;
    for (const json& object : objects) {
      if (IsPolicy(object)) {
        KR_RETURN_IF_ERROR(crds::FromJson<crds::RemediationPolicy>(object).status());
        KR_RETURN_IF_ERROR(sandbox.objects().Put(ForSandbox(object, /*observe=*/true)));
        ++policies;
        Declare(sandbox, object);
      } else {
        KR_RETURN_IF_ERROR(sandbox.objects().Put(object));
      }
    }
    if (policies == 0) return InvalidArgument("the files hold no RemediationPolicy");
    KR_ASSIGN_OR_RETURN(json results, Rehearse(sandbox));
    const std::vector<std::string> problems = Judge(objects, results);
    std::string text = FormatRehearsal(results);
    if (results.empty()) text = "no policy selects any of the objects\n";
    for (json& result : results) result.erase("text");
    Print(console, output_, results, text);
    if (problems.empty()) return OkStatus();
    std::string all;
    for (const std::string& problem : problems) all += (all.empty() ? "" : "\n") + problem;
    return AnswerIsNo(all);
  }

 private:
  StatusOr<absl::Time> TimeOf(const std::vector<json>& objects, Console& console) const {
    if (!now_.empty()) {
      absl::Time time;
      std::string error;
      if (absl::ParseTime(absl::RFC3339_full, now_, &time, &error)) return time;
      return InvalidArgument("--now: expected a time such as 2026-01-02T03:04:05Z, found \"" +
                             now_ + "\"");
    }
    std::optional<absl::Time> youngest;
    for (const json& object : objects) {
      const auto time = Youngest(object);
      if (time && (!youngest || *time > *youngest)) youngest = time;
    }
    return youngest ? *youngest + absl::Seconds(1) : console.clock.Now();
  }

  // The kinds that a policy is about or joins exist, also where no object of them is given.
  static void Declare(sandbox::Sandbox& sandbox, const json& value) {
    if (!value.is_structured()) return;
    if (value.is_object() && value.contains("apiVersion") && value.contains("kind") &&
        value["apiVersion"].is_string() && value["kind"].is_string()) {
      sandbox.objects().Declare(kube::GroupVersionKind::FromApiVersion(
          value["apiVersion"].get<std::string>(), value["kind"].get<std::string>()));
    }
    for (const json& element : value) Declare(sandbox, element);
    // Of presets.
    sandbox.objects().Declare({"", "v1", "Pod"});
    sandbox.objects().Declare({"", "v1", "Node"});
  }

  static std::vector<std::string> Judge(const std::vector<json>& objects, const json& results) {
    std::vector<std::string> problems;
    for (const json& object : objects) {
      const json::json_pointer at("/metadata/annotations");
      if (!object.contains(at) || !object[at].is_object()) continue;
      for (const auto& [key, value] : object[at].items()) {
        if (!key.starts_with(kExpect) || !value.is_string()) continue;
        Expect(object, key.substr(kExpect.size()), value.get<std::string>(), results, problems);
      }
    }
    return problems;
  }

  static void Expect(const json& object, const std::string& policy, const std::string& wanted,
                     const json& results, std::vector<std::string>& problems) {
    const json& metadata = object["metadata"];
    const std::string name = metadata.value("name", "");
    const std::string name_space = metadata.value("namespace", "");
    bool seen = false;
    for (const json& result : results) {
      if (policy != "any" && result["policy"] != policy) continue;
      const std::string target = result["target"];
      const std::string kind = object.value("kind", "");
      const bool same =
          target == kind + " " + name ||
          target == kind + " " + (name_space.empty() ? "default" : name_space) + "/" + name;
      if (!same) continue;
      seen = true;
      const std::string found = result["result"];
      const std::string precise = found + "/" + result.value("reason", "");
      if (wanted == found || wanted == precise) continue;
      problems.push_back(target + ", policy " + result["policy"].get<std::string>() +
                         ": expected " + wanted + ", found " +
                         (result.contains("reason") ? precise : found));
    }
    if (!seen) {
      problems.push_back(object.value("kind", "") + " " + name + ", policy " + policy +
                         ": expected " + wanted + ", but the policy does not select it");
    }
  }

  std::vector<std::string> files_;
  std::string now_;
  std::string output_;
};

}  // namespace

std::unique_ptr<Command> MakeTestCommand() {
  return std::make_unique<TestCommand>();
}

}  // namespace kr::cmd
