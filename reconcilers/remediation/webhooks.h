#pragma once

#include <memory>
#include <string>

#include "absl/functional/any_invocable.h"
#include "absl/time/time.h"
#include "controller/runtime/api_sender.h"
#include "controller/runtime/engine.h"
#include "controller/runtime/outbound_sender.h"
#include "reconcilers/actions/action.h"

namespace kr::remediation {

// Carries out the calls of webhooks. Where one is and its keys are not in a policy, which many may
// read, but in a Secret of the operator's own namespace, kube-remedy-webhook-NAME:
//   url       https://...; the only one that must be there
//   hmac-key  signs the call, as it is, byte for byte
//   token     is sent as bearer token
//   ca.crt    PEM; trusted beside the system's roots
// It is read for every call, so a change holds at once. What it says appears nowhere else: it is
// also taken out of answers. docs/webhooks.md is written for receivers. Engine thread only.
class Webhooks {
 public:
  struct Options {
    std::string name_space;  // of the Secrets; "" = not known: no webhook can be called
    bool allow_http = false;
    absl::Duration read_timeout = absl::Seconds(5);
  };
  using Done = absl::AnyInvocable<void(StatusOr<actions::Answer>)>;

  // References must outlive it.
  Webhooks(Options options, runtime::Engine& engine, runtime::ApiSender& api,
           runtime::OutboundSender& outbound);

  // `done` runs as of ApiSender::Send, with what came of it; `tries` is the caller's. NotSent when
  // there is no write permit. Not when this object was destroyed before.
  void Call(actions::Call call, Done done);

 private:
  struct Config;

  void Send(const actions::Call& call, Config config, Done done);
  StatusOr<Config> Read(const std::string& webhook, StatusOr<kube::Reply> secret) const;
  actions::Answer Unready(std::string why) const;

  const Options options_;
  runtime::Engine& engine_;
  runtime::ApiSender& api_;
  runtime::OutboundSender& outbound_;
  // Answers after destruction find nobody.
  std::shared_ptr<Webhooks*> self_ = std::make_shared<Webhooks*>(this);
};

}  // namespace kr::remediation
