#include "reconcilers/actions/registry.h"

#include <array>
#include <string>
#include <tuple>
#include <type_traits>
#include <variant>

#include "reconcilers/actions/apply.h"
#include "reconcilers/actions/cordon.h"
#include "reconcilers/actions/delete_node.h"
#include "reconcilers/actions/delete_object.h"
#include "reconcilers/actions/delete_pod.h"
#include "reconcilers/actions/drain.h"
#include "reconcilers/actions/node_command.h"
#include "reconcilers/actions/notify.h"
#include "reconcilers/actions/patch.h"
#include "reconcilers/actions/recreate_service.h"
#include "reconcilers/actions/rollout_restart.h"
#include "reconcilers/actions/scale.h"
#include "reconcilers/actions/set_env.h"
#include "reconcilers/actions/taint.h"
#include "reconcilers/actions/wait_for.h"
#include "reconcilers/actions/webhook.h"

namespace kr::actions {
namespace {

template <typename Params>
struct Entry {
  std::string_view kind;
  StatusOr<std::unique_ptr<Action>> (*make)(const Params&, const cel::Scope&, std::string_view);
};

// One line per action. A parameter struct in crds::Action without one does not compile.
constexpr std::tuple kRegistry = {
    Entry<crds::SetEnv>{"setEnv", MakeSetEnv},
    Entry<crds::Patch>{"patch", MakePatch},
    Entry<crds::Apply>{"apply", MakeApply},
    Entry<crds::Scale>{"scale", MakeScale},
    Entry<crds::RolloutRestart>{"rolloutRestart", MakeRolloutRestart},
    Entry<crds::DeletePod>{"deletePod", MakeDeletePod},
    Entry<crds::Delete>{"delete", MakeDelete},
    Entry<crds::Cordon>{"cordon", MakeCordon},
    Entry<crds::Uncordon>{"uncordon", MakeUncordon},
    Entry<crds::Taint>{"taint", MakeTaint},
    Entry<crds::Untaint>{"untaint", MakeUntaint},
    Entry<crds::Drain>{"drain", MakeDrain},
    Entry<crds::DeleteNode>{"deleteNode", MakeDeleteNode},
    Entry<crds::RunNodeCommand>{"nodeCommand", MakeNodeCommand},
    Entry<crds::RecreateService>{"recreateService", MakeRecreateService},
    Entry<crds::Webhook>{"webhook", MakeWebhook},
    Entry<crds::WaitFor>{"waitFor", MakeWaitFor},
    Entry<crds::Notify>{"notify", MakeNotify},
};

}  // namespace

StatusOr<std::unique_ptr<Action>> Make(const crds::Step& step, const cel::Scope& scope,
                                       std::string_view path) {
  return std::visit(
      [&](const auto& params) -> StatusOr<std::unique_ptr<Action>> {
        using Params = std::decay_t<decltype(params)>;
        if constexpr (std::is_same_v<Params, std::monostate>) {
          return InvalidArgument(std::string(path) + ": expected exactly one action");
        } else {
          const auto& entry = std::get<Entry<Params>>(kRegistry);
          std::string params_path = std::string(path).append(".").append(entry.kind);
          return entry.make(params, scope, params_path);
        }
      },
      step.action);
}

bool IsMitigation(std::string_view kind) {
  return kind == "cordon" || kind == "taint";
}

std::span<const std::string_view> Kinds() {
  static constexpr auto kinds =
      std::apply([](const auto&... entries) { return std::array{entries.kind...}; }, kRegistry);
  return kinds;
}

}  // namespace kr::actions
