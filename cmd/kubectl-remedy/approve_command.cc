// `kubectl remedy approve` and `deny`: a person's word about the plan that a Remediation shows.
#include <algorithm>
#include <ostream>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "cmd/common/command_line.h"
#include "cmd/kubectl-remedy/command.h"
#include "cmd/kubectl-remedy/follow.h"
#include "cmd/kubectl-remedy/timeline.h"
#include "crds/v1alpha1/codec.h"
#include "reconcilers/remediation/resources.h"

namespace kr::cmd {
namespace {

using nlohmann::json;
using remediation::RemediationResource;

// The controller writes the status of what we change: somebody else was faster a few times.
constexpr int kAttempts = 5;

constexpr char kApproveFooter[] = R"(
What is approved is the plan that is printed, and no other: if it has changed when the remedy
begins, the remediation asks again.

Examples:
  kubectl remedy status                       which one waits
  kubectl remedy approve NAME
  kubectl remedy approve NAME --plan 3f2a9c   only if the plan still is that one
  kubectl remedy approve NAME --wait

Exit status: 0 when it is written (with --wait: when the remediation ended well), 1 with an error,
2 for a wrong command line, 3 when it was waited for and did not succeed.)";

constexpr char kDenyFooter[] = R"(
A denied remedy ends the remediation: no later remedy is tried.

Examples:
  kubectl remedy deny NAME
  kubectl remedy deny NAME --remedy reboot    also before it is asked for

Exit status: 0 when it is written, 1 with an error, 2 for a wrong command line.)";

class ApproveCommand final : public Command {
 public:
  explicit ApproveCommand(bool approve) : approve_(approve) {}

  CLI::App& Declare(CLI::App& app) override {
    CLI::App* command =
        approve_ ? app.add_subcommand("approve", "Let the remedy begin that a remediation asks for")
                 : app.add_subcommand("deny", "Refuse the remedy that a remediation asks for");
    command->add_option("name", name_, "The Remediation")->required()->type_name("REMEDIATION");
    command->add_option("--remedy", remedy_, "The remedy; otherwise the one that waits")
        ->type_name("NAME");
    command->add_option("--plan", plan_, "Only if the plan's hash begins with this")
        ->type_name("HASH");
    command->add_flag("--wait", wait_, "Wait until the remediation has ended");
    command->add_option("--timeout", timeout_seconds_, "How many seconds to wait")
        ->check(CLI::Range(1, 86400))
        ->capture_default_str();
    AddOutputFlag(*command, output_);
    AddClusterFlags(*command, flags_);
    command->footer(approve_ ? kApproveFooter : kDenyFooter);
    return *command;
  }

  Status Run(Console& console) override {
    KR_ASSIGN_OR_RETURN(const auto cluster, console.connect(flags_));
    KR_ASSIGN_OR_RETURN(const std::string user, cluster->WhoAmI());
    std::string shown;
    for (int attempt = 1;; ++attempt) {
      KR_ASSIGN_OR_RETURN(const json object, cluster->Get(RemediationResource(), {"", name_}));
      KR_ASSIGN_OR_RETURN(const auto remediation, crds::FromJson<crds::Remediation>(object));
      KR_ASSIGN_OR_RETURN(const crds::ApprovalRecord request, RequestOf(remediation));
      if (!plan_.empty() && !request.plan_hash.starts_with(plan_)) {
        return Aborted("the plan is " + request.plan_hash + " now, not " + plan_ +
                       "; look at it with kubectl remedy status " + name_);
      }
      if (!shown.empty() && shown != request.plan_hash) {
        return Aborted("the plan has changed in this moment; look at it and decide again");
      }
      if (shown.empty() && output_ == "table") {
        console.out << FormatPlan(remediation, request.remedy);
      }
      shown = request.plan_hash;
      const auto written = Write(*cluster, object, remediation, request, user);
      if (absl::IsAborted(written.status()) && attempt < kAttempts) continue;
      KR_RETURN_IF_ERROR(written.status());
      const std::string text = "remediation/" + name_ + ": remedy " + request.remedy +
                               (approve_ ? " approved" : " denied") + " by " + user + "\n";
      if (!wait_) {
        Print(console, output_, *written, text);
        return OkStatus();
      }
      console.err << text;
      return AwaitEnd(*cluster, console, name_, absl::Seconds(timeout_seconds_), output_);
    }
  }

 private:
  StatusOr<crds::ApprovalRecord> RequestOf(const crds::Remediation& remediation) const {
    const crds::RemediationStatus& status = remediation.status;
    const auto request = std::find_if(status.approvals.rbegin(), status.approvals.rend(),
                                      [&](const crds::ApprovalRecord& one) {
                                        return one.state == crds::ApprovalState::kRequested &&
                                               (remedy_.empty() || one.remedy == remedy_);
                                      });
    if (request != status.approvals.rend() && status.phase == crds::Phase::kAwaitingApproval) {
      return *request;
    }
    // A no may come first.
    if (!approve_ && !remedy_.empty()) {
      return crds::ApprovalRecord{.remedy = remedy_, .plan_hash = "0"};
    }
    return NotFound("remediation/" + name_ + " does not wait for approval" +
                    (remedy_.empty() ? "" : " of remedy " + remedy_) + ": " + StateOf(remediation));
  }

  StatusOr<json> Write(Cluster& cluster, const json& object, const crds::Remediation& remediation,
                       const crds::ApprovalRecord& request, const std::string& user) const {
    crds::RemediationSpec spec = remediation.spec;
    std::erase_if(spec.approvals,
                  [&](const crds::Approval& one) { return one.remedy == request.remedy; });
    spec.approvals.push_back(
        {.remedy = request.remedy,
         .plan_hash = request.plan_hash,
         .decision = approve_ ? crds::Decision::kApprove : crds::Decision::kDeny,
         .by = user});
    return cluster.Patch(RemediationResource(), object,
                         {{"spec", {{"approvals", crds::ToJson(spec)["approvals"]}}}});
  }

  const bool approve_;
  std::string name_;
  std::string remedy_;
  std::string plan_;
  bool wait_ = false;
  int timeout_seconds_ = 3600;
  std::string output_;
  kube::ConfigFlags flags_;
};

}  // namespace

std::unique_ptr<Command> MakeApproveCommand() {
  return std::make_unique<ApproveCommand>(true);
}

std::unique_ptr<Command> MakeDenyCommand() {
  return std::make_unique<ApproveCommand>(false);
}

}  // namespace kr::cmd
