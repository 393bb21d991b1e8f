// `kubectl remedy uninstall`: takes kube-remedy's objects out of a cluster without leaving a
// finalizer or a mitigation behind. The controller must still run: it is what releases them.
#include <functional>
#include <ostream>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "cmd/common/command_line.h"
#include "cmd/kubectl-remedy/command.h"
#include "crds/v1alpha1/codec.h"
#include "reconcilers/remediation/registry.h"
#include "reconcilers/remediation/resources.h"

namespace kr::cmd {
namespace {

using nlohmann::json;
using remediation::PolicyResource;
using remediation::RemediationResource;

constexpr absl::Duration kPoll = absl::Milliseconds(500);

constexpr char kFooter[] = R"(
In this order: policies are deleted (what they had under way is cancelled: mitigations such as cordons
are released, changes stay), it is waited until nothing is under way and no effect is outstanding, then
the Remediations, their kinds and the admission policies go. The controller and its RBAC go last, the
way they came: kubectl delete -k config/default.

--abandon is for a controller that is gone or stuck: finalizers are taken off, and what they stood for
stays as it is. Each one is named.

Examples:
  kubectl remedy uninstall
  kubectl remedy uninstall --yes
  kubectl remedy uninstall --yes --abandon

Exit status: 0 when nothing is left, 1 with an error (also when effects are still outstanding), 2 for a
wrong command line, 3 without --yes when there is something to do.)";

const kube::Resource kDefinitions{
    {"apiextensions.k8s.io", "v1", "CustomResourceDefinition"}, "customresourcedefinitions", false};
const kube::Resource kAdmission{{"admissionregistration.k8s.io", "v1", "ValidatingAdmissionPolicy"},
                                "validatingadmissionpolicies",
                                false};
const kube::Resource kBindings{
    {"admissionregistration.k8s.io", "v1", "ValidatingAdmissionPolicyBinding"},
    "validatingadmissionpolicybindings",
    false};

std::string NameOf(const json& object) {
  return object.value(json::json_pointer("/metadata/name"), "");
}

class UninstallCommand final : public Command {
 public:
  CLI::App& Declare(CLI::App& app) override {
    CLI::App* command = app.add_subcommand(
        "uninstall", "Take everything back that can be, and remove kube-remedy's objects");
    command->add_flag("--yes", yes_, "Do it; otherwise only say what would be removed");
    command->add_flag("--abandon", abandon_, "Give up effects that nobody releases");
    command
        ->add_option("--timeout", timeout_seconds_,
                     "How many seconds to wait for the controller to release what it holds")
        ->check(CLI::Range(0, 86400))
        ->capture_default_str();
    AddClusterFlags(*command, flags_);
    command->footer(kFooter);
    return *command;
  }

  Status Run(Console& console) override {
    KR_ASSIGN_OR_RETURN(const auto cluster, console.connect(flags_));
    KR_ASSIGN_OR_RETURN(const std::vector<json> kinds, OwnKinds(*cluster));
    if (!yes_) return Tell(*cluster, kinds, console);
    KR_RETURN_IF_ERROR(DeleteAll(*cluster, PolicyResource(), console));
    KR_RETURN_IF_ERROR(Drain(*cluster, console));
    for (const json& kind : kinds) {
      KR_RETURN_IF_ERROR(DeleteAll(*cluster, ResourceOf(kind), console));
    }
    KR_RETURN_IF_ERROR(AwaitNone(console, "remediations",
                                 [&] { return ListIfThere(*cluster, RemediationResource()); }));
    for (const json& kind : kinds) {
      KR_RETURN_IF_ERROR(cluster->Delete(kDefinitions, {"", NameOf(kind)}));
      console.out << "customresourcedefinition/" << NameOf(kind) << " deleted\n";
    }
    // A kind goes once its last object has gone.
    KR_RETURN_IF_ERROR(AwaitNone(console, "kinds", [&] { return OwnKinds(*cluster); }));
    for (const kube::Resource& resource : {kBindings, kAdmission}) {
      KR_RETURN_IF_ERROR(DeleteAll(*cluster, resource, console));
    }
    console.out
        << "nothing of kube-remedy is left but the controller and its RBAC: remove them the "
           "way they were installed (kubectl delete -k config/default)\n";
    return OkStatus();
  }

 private:
  static kube::Resource ResourceOf(const json& definition) {
    const json& spec = definition["spec"];
    return {
        {spec.value("group", ""), "v1alpha1", spec.value(json::json_pointer("/names/kind"), "")},
        spec.value(json::json_pointer("/names/plural"), ""),
        spec.value("scope", "") == "Namespaced"};
  }

  static StatusOr<std::vector<json>> OwnKinds(Cluster& cluster) {
    KR_ASSIGN_OR_RETURN(const std::vector<json> all, cluster.List(kDefinitions));
    std::vector<json> own;
    for (const json& definition : all) {
      if (definition.value(json::json_pointer("/spec/group"), "") == crds::kGroup) {
        own.push_back(definition);
      }
    }
    return own;
  }

  static StatusOr<std::vector<json>> ListIfThere(Cluster& cluster, const kube::Resource& resource) {
    auto objects = cluster.List(resource);
    if (absl::IsNotFound(objects.status())) return std::vector<json>();
    if (!objects.ok()) return objects;
    const bool ours = resource.gvk.group == crds::kGroup;
    std::erase_if(*objects, [&](const json& object) {
      return !ours && !NameOf(object).starts_with("kube-remedy-");
    });
    return objects;
  }

  Status Tell(Cluster& cluster, const std::vector<json>& kinds, Console& console) const {
    bool any = false;
    for (const json& kind : kinds) {
      KR_ASSIGN_OR_RETURN(const auto objects, ListIfThere(cluster, ResourceOf(kind)));
      console.out << NameOf(kind) << ": " << objects.size() << " objects\n";
      any = true;
    }
    KR_ASSIGN_OR_RETURN(const auto outstanding, Outstanding(cluster));
    for (const std::string& line : outstanding) console.out << "  " << line << "\n";
    if (!any) {
      console.out << "nothing of kube-remedy is installed\n";
      return OkStatus();
    }
    return AnswerIsNo("nothing was removed: say --yes");
  }

  Status DeleteAll(Cluster& cluster, const kube::Resource& resource, Console& console) const {
    KR_ASSIGN_OR_RETURN(const std::vector<json> objects, ListIfThere(cluster, resource));
    for (const json& object : objects) {
      const std::string name_space = object.value(json::json_pointer("/metadata/namespace"), "");
      KR_RETURN_IF_ERROR(cluster.Delete(resource, {name_space, NameOf(object)}));
      console.out << resource.gvk.kind << "/" << NameOf(object) << " deleted\n";
    }
    return OkStatus();
  }

  // What is under way, or has not been taken back.
  static StatusOr<std::vector<std::string>> Outstanding(Cluster& cluster) {
    KR_ASSIGN_OR_RETURN(const std::vector<json> objects,
                        ListIfThere(cluster, RemediationResource()));
    std::vector<std::string> lines;
    for (const json& object : objects) {
      const auto remediation = crds::FromJson<crds::Remediation>(object);
      const bool open = !remediation.ok() || remediation::IsOpen(*remediation);
      const json finalizers =
          object.value(json::json_pointer("/metadata/finalizers"), json::array());
      if (!open && finalizers.empty()) continue;
      lines.push_back("remediation/" + NameOf(object) + ": " +
                      object.value(json::json_pointer("/status/phase"), "not taken up") +
                      (finalizers.empty() ? "" : ", finalizers " + finalizers.dump()));
    }
    return lines;
  }

  // Until the controller has ended and released everything. With --abandon: or until time is up.
  Status Drain(Cluster& cluster, Console& console) const {
    const MonotonicTime deadline = console.clock.Monotonic() + absl::Seconds(timeout_seconds_);
    size_t last = 0;
    while (true) {
      KR_ASSIGN_OR_RETURN(const std::vector<std::string> lines, Outstanding(cluster));
      if (lines.empty()) return OkStatus();
      if (lines.size() != last) {
        last = lines.size();
        console.err << "waiting for " << last << " remediations, among them " << lines.front()
                    << "\n";
      }
      if (console.clock.Monotonic() >= deadline) {
        if (abandon_) return Abandon(cluster, console);
        std::string all;
        for (const std::string& line : lines) all += "\n  " + line;
        return DeadlineExceeded(
            "not everything was taken back within " + std::to_string(timeout_seconds_) +
            " s: is the controller running? --abandon gives it up. Still outstanding:" + all);
      }
      console.wait(kPoll);
    }
  }

  // What the log says was written: ": step 1 of relieve (scale)".
  static std::string Written(const json& object) {
    std::string text;
    for (const json& step : object.value(json::json_pointer("/status/steps"), json::array())) {
      if (step.value("writes", json::array()).empty()) continue;
      text += (text.empty() ? ": step " : ", step ") + std::to_string(step.value("step", 0) + 1) +
              " of " + step.value("remedy", "") + " (" + step.value("action", "") + ")";
    }
    return text;
  }

  Status Abandon(Cluster& cluster, Console& console) const {
    KR_ASSIGN_OR_RETURN(const std::vector<json> objects,
                        ListIfThere(cluster, RemediationResource()));
    for (const json& object : objects) {
      json finalizers = object.value(json::json_pointer("/metadata/finalizers"), json::array());
      const size_t before = finalizers.size();
      std::erase(finalizers.get_ref<json::array_t&>(), json(crds::kEffectsFinalizer));
      if (finalizers.size() == before) continue;  // those of others are theirs to take off
      KR_RETURN_IF_ERROR(
          cluster.Patch(RemediationResource(), object, {{"metadata", {{"finalizers", finalizers}}}})
              .status());
      console.out << "remediation/" << NameOf(object) << ": effects on "
                  << object.value(json::json_pointer("/spec/targetRef/kind"), "") << " "
                  << object.value(json::json_pointer("/spec/targetRef/name"), "")
                  << " are abandoned" << Written(object) << "\n";
    }
    return OkStatus();
  }

  static Status AwaitNone(Console& console, const std::string& what,
                          const std::function<StatusOr<std::vector<json>>()>& list) {
    const MonotonicTime deadline = console.clock.Monotonic() + absl::Seconds(60);
    while (true) {
      KR_ASSIGN_OR_RETURN(const std::vector<json> left, list());
      if (left.empty()) return OkStatus();
      if (console.clock.Monotonic() >= deadline) {
        return DeadlineExceeded(what + " are still there, among them " + NameOf(left.front()));
      }
      console.wait(kPoll);
    }
  }

  bool yes_ = false;
  bool abandon_ = false;
  int timeout_seconds_ = 120;
  kube::ConfigFlags flags_;
};

}  // namespace

std::unique_ptr<Command> MakeUninstallCommand() {
  return std::make_unique<UninstallCommand>();
}

}  // namespace kr::cmd
