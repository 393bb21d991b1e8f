#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <variant>
#include <vector>

#include "controller/base/mutex.h"
#include "tests/support/test_certificates.h"

namespace kr::testing {

// A place where a scripted answer waits for the test. Copies are the same place, so that the server
// may still stand in it when the test is gone. Thread-safe; waits at most ten seconds.
class Gate {
 public:
  void Open() const;
  // The server stands at the gate (or has passed it). False when it never came.
  bool AwaitReached() const;
  // Somebody opened it, for tests that wait themselves. False when nobody did.
  bool AwaitOpen() const;

 private:
  friend class ScriptedServer;
  struct State {
    Mutex mu;
    CondVar changed;
    bool reached ABSL_GUARDED_BY(mu) = false;
    bool open ABSL_GUARDED_BY(mu) = false;
  };

  void Pass(const std::function<bool()>& given_up) const;

  std::shared_ptr<State> state_ = std::make_shared<State>();
};

// What the server does to answer one request, step by step. Built by chaining:
//   Answer::Chunked().Chunk("{...").Hold(gate).Chunk("}\n").End()
class Answer {
 public:
  using Headers = std::map<std::string, std::string>;

  // A whole answer with Content-Length; the connection stays open for the next request.
  static Answer Full(int code, std::string_view body,
                     const Headers& headers = {{"Content-Type", "application/json"}});
  // The headers of a chunked answer; Chunks and End follow.
  static Answer Chunked(int code = 200);
  // Nothing yet: Close, Reset, Hold or Raw follow.
  static Answer Nothing() { return {}; }

  Answer Chunk(std::string_view data) &&;
  Answer End() &&;  // the last chunk
  Answer Raw(std::string_view bytes) &&;
  Answer Hold(const Gate& gate) &&;
  Answer Close() &&;  // in good order (close_notify, FIN)
  Answer Reset() &&;  // RST
  // Answers before it has read the request's body, and hangs up without reading it.
  Answer Early() &&;

 private:
  friend class ScriptedServer;
  struct Disconnect {
    bool reset;
  };
  std::vector<std::variant<std::string, Gate, Disconnect>> steps_;
  bool early_ = false;
};

// An HTTP/1.1 server on 127.0.0.1 that does what a script says: a request takes the first unused
// entry with its method and target; one without an entry is answered 500 and reported. Thread-safe.
class ScriptedServer {
 public:
  struct Options {
    std::optional<Certificate> certificate;  // none: plain HTTP
    std::string client_authority;            // PEM; clients must show a certificate signed by it
  };
  struct Request {
    std::string method, target, body;
    std::map<std::string, std::string> headers;  // names in lower case
    int connection = 0;                          // 1, 2, ... in the order of accepting
    std::string client;                          // common name of the client's certificate
  };

  explicit ScriptedServer(Options options);
  ScriptedServer() : ScriptedServer(Options{}) {}
  ~ScriptedServer();

  std::uint16_t port() const { return port_; }
  void Expect(const std::string& method, const std::string& target, Answer answer);

  std::vector<Request> requests() const;
  int connections() const;  // accepted so far, also those whose handshake failed
  std::uint64_t bytes_sent() const { return bytes_sent_; }
  // Closes connections that wait for a request, returns when the client's kernel knows.
  void CloseIdleConnections();
  // Entries that nobody asked for and requests that nobody expected, one per line; "" is what a
  // test wants to see at its end.
  std::string Deviations() const;

 private:
  class Channel;
  struct Entry {
    std::string method, target;
    Answer answer;
  };
  struct Peer {
    int fd = -1;
    bool idle = false;
  };

  void Accept();
  void Serve(int id, int fd);
  bool ServeRequest(int id, Channel& channel);
  bool Play(Channel& channel, const Answer& answer);
  std::vector<Entry>::iterator Find(const Request& request) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  bool IsEarly(const Request& request);
  Answer Match(const Request& request);
  void SetIdle(int id, bool idle);
  bool stopping() const { return stopping_; }

  // Constant after construction.
  Options options_;
  std::shared_ptr<void> tls_;  // SSL_CTX, null for plain HTTP
  int listener_ = -1;
  std::uint16_t port_ = 0;

  std::atomic<bool> stopping_ = false;
  std::atomic<std::uint64_t> bytes_sent_ = 0;
  mutable Mutex mu_;
  CondVar changed_;
  std::vector<Entry> script_ ABSL_GUARDED_BY(mu_);
  std::vector<Request> requests_ ABSL_GUARDED_BY(mu_);
  std::string unexpected_ ABSL_GUARDED_BY(mu_);
  std::map<int, Peer> peers_ ABSL_GUARDED_BY(mu_);
  int connections_ ABSL_GUARDED_BY(mu_) = 0;
  std::vector<std::thread> serving_ ABSL_GUARDED_BY(mu_);
  std::thread accepting_;
};

}  // namespace kr::testing
