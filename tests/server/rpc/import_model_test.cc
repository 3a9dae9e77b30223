// SPDX-License-Identifier: Apache-2.0
// ImportModel: checkpoints, and tensors in the safetensors format with a graph.
#include "core/graph/checkpoint.h"
#include "fmt/format.h"
#include "gmock/gmock.h"
#include "tests/server/rpc/rpc_fixture.h"

namespace bitsweep::rpc {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Key;
using ::testing::Pair;
using ::testing::UnorderedElementsAre;

// One linear layer of two inputs and one output.
constexpr char kSmallGraph[] = R"({"format": "bitsweep.graph", "version": 1, "name": "small",
    "nodes": [{"kind": "placeholder", "name": "x", "shape": [2]},
              {"kind": "call_module", "name": "fc", "op": "linear", "target": "fc",
               "inputs": ["x"], "attributes": {"in_features": 2, "out_features": 1, "bias": true}},
              {"kind": "output", "name": "output", "inputs": ["fc"]}]})";

// The bytes of a safetensors file: u64 header size, header, data.
std::string Safetensors(const std::string& header, const std::vector<float>& data) {
  std::string bytes;
  for (int i = 0; i < 8; ++i) bytes += static_cast<char>((header.size() >> (8 * i)) & 0xff);
  bytes += header;
  bytes.append(reinterpret_cast<const char*>(data.data()), data.size() * sizeof(float));
  return bytes;
}

std::string SmallTensors() {
  return Safetensors(R"({"fc.weight": {"dtype": "F32", "shape": [1, 2], "data_offsets": [0, 8]},
                         "fc.bias": {"dtype": "F32", "shape": [1], "data_offsets": [8, 12]}})",
                     {0.5F, -1.25F, 2.0F});
}

class ImportModelTest : public RpcTest {
 protected:
  // Uploads the bytes and imports them, with `fields` beside the artifact.
  Answer<v1::ImportModelResponse> Import(const std::string& bytes, const std::string& fields = "") {
    return Call(&Models::ImportModel,
                fmt::format(R"({{"artifact": "artifacts/{}"{}}})", Upload(bytes), fields));
  }
  static std::string Source(const std::string& source) { return R"(, "source": )" + source; }
  std::string Download(const std::string& artifact) {
    grpc::ClientContext context;
    SetDeadline(context);
    v1::DownloadArtifactRequest request;
    request.set_name(artifact);
    const auto stream = stub<Artifacts>().DownloadArtifact(&context, request);
    std::string bytes;
    for (v1::DownloadArtifactResponse response; stream->Read(&response);) bytes += response.chunk();
    EXPECT_TRUE(stream->Finish().ok());
    return bytes;
  }
};

TEST_F(ImportModelTest, StoresACheckpoint) {
  const std::string bytes = TinyCheckpoint();
  const auto answer = Import(bytes, R"(, "model_id": "tiny", "display_name": "from the lab")");
  ASSERT_TRUE(answer.ok()) << answer.error.message;
  const v1::Model& model = answer.response.model();
  EXPECT_EQ(model.name(), "models/tiny");
  EXPECT_EQ(model.display_name(), "from the lab");
  EXPECT_EQ(model.graph_name(), "jsc-tiny");
  EXPECT_EQ(model.parameter_count(), 117);
  EXPECT_EQ(model.size_bytes(), static_cast<std::int64_t>(bytes.size()));
  EXPECT_EQ(model.source_trial(), "");
  EXPECT_EQ(model.source_job(), "");
  EXPECT_FALSE(model.has_val_acc());
  EXPECT_GT(model.create_time().seconds(), 0);
  const auto read = Call(&Models::GetModel, R"({"name": "models/tiny"})");
  ASSERT_TRUE(read.ok()) << read.error.message;
  EXPECT_TRUE(read.response.model().has_graph());
}

TEST_F(ImportModelTest, MakesACheckpointOfAGraphAndTensors) {
  const auto answer =
      Import(SmallTensors(),
             R"(, "model_id": "small")" + Source(fmt::format(R"({{"graph": {}}})", kSmallGraph)));
  ASSERT_TRUE(answer.ok()) << answer.error.message;
  EXPECT_EQ(answer.response.model().graph_name(), "small");
  EXPECT_EQ(answer.response.model().parameter_count(), 3);
  const auto checkpoint = graph::ParseCheckpoint(Download(answer.response.model().artifact()));
  ASSERT_TRUE(checkpoint.ok()) << checkpoint.status();
  ASSERT_EQ(checkpoint->tensors.size(), 2u);
  EXPECT_EQ(checkpoint->tensors[0].name, "fc.weight");
  EXPECT_THAT(checkpoint->tensors[0].f32, ElementsAre(0.5F, -1.25F));
  EXPECT_THAT(checkpoint->tensors[1].f32, ElementsAre(2.0F));
}

TEST_F(ImportModelTest, GeneratesAnId) {
  const auto answer = Import(TinyCheckpoint());
  ASSERT_TRUE(answer.ok()) << answer.error.message;
  EXPECT_THAT(answer.response.model().name(), ::testing::StartsWith("models/model-"));
}

TEST_F(ImportModelTest, AnImportedModelCanBeTransformed) {
  ASSERT_TRUE(Import(TinyCheckpoint(), R"(, "model_id": "tiny")").ok());
  const auto answer = Call(&Transforms::SubmitTransform,
                           R"({"transform": {"model": {"name": "models/tiny"},
                               "passes": [{"report_graph": {}}]}})");
  EXPECT_TRUE(answer.ok()) << answer.error.message;
}

TEST_F(ImportModelTest, RefusesABadRequestWithEveryProblem) {
  const Error error = Call(&Models::ImportModel,
                           fmt::format(R"({{"model_id": "No", "display_name": "{}", "artifact": "x",
                           "source": {{"builtin": "jsc-tiny", "name": "models/m-1",
                                       "graph": {{}}}}}})",
                                       std::string(201, 'x')))
                          .error;
  EXPECT_EQ(error.code, grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(error.reason, "INVALID_SPEC");
  EXPECT_THAT(error.violations,
              UnorderedElementsAre(Key("model_id"), Key("display_name"), Key("artifact"),
                                   Key("source.name"), Key("source")));
}

TEST_F(ImportModelTest, AnArtifactMustBeThere) {
  const Error error = Call(&Models::ImportModel,
                           fmt::format(R"({{"artifact": "artifacts/{}"}})", std::string(64, 'a')))
                          .error;
  EXPECT_EQ(error.code, grpc::StatusCode::NOT_FOUND);
  EXPECT_EQ(error.reason, "ARTIFACT_NOT_FOUND");
}

TEST_F(ImportModelTest, AnIdIsTakenOnce) {
  ASSERT_TRUE(Import(TinyCheckpoint(), R"(, "model_id": "tiny")").ok());
  const Error error = Import(TinyCheckpoint(), R"(, "model_id": "tiny")").error;
  EXPECT_EQ(error.code, grpc::StatusCode::ALREADY_EXISTS);
  EXPECT_EQ(error.reason, "ID_IN_USE");
  EXPECT_EQ(error.resource.resource_name(), "models/tiny");
}

TEST_F(ImportModelTest, RefusesBytesThatAreNoCheckpoint) {
  std::string damaged = TinyCheckpoint();
  damaged[damaged.size() / 2] = static_cast<char>(damaged[damaged.size() / 2] ^ 1);
  for (const std::string& bytes : {std::string("no checkpoint"), damaged}) {
    const Error error = Import(bytes).error;
    EXPECT_EQ(error.code, grpc::StatusCode::INVALID_ARGUMENT);
    EXPECT_THAT(error.violations, ElementsAre(Key("artifact")));
  }
  EXPECT_EQ(Call(&Models::ListModels).response.models_size(), 0);
}

TEST_F(ImportModelTest, NamesTheTensorsThatDoNotFitTheGraph) {
  const Error error = Import(Safetensors(R"({"fc.weight": {"dtype": "F32", "shape": [2, 1],
                             "data_offsets": [0, 8]}})",
                                         {0.5F, -1.25F}),
                             Source(fmt::format(R"({{"graph": {}}})", kSmallGraph)))
                          .error;
  EXPECT_EQ(error.code, grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_THAT(error.violations, ElementsAre(Pair("artifact", HasSubstr("fc.weight"))));
  EXPECT_THAT(error.message, HasSubstr("fc.bias"));
}

TEST_F(ImportModelTest, NamesTheNodeOfABadGraph) {
  std::string graph = kSmallGraph;
  graph.replace(graph.find(R"("inputs": ["x"], "attributes")"), 15, R"("inputs": ["y"])");
  const Error error =
      Import(SmallTensors(), Source(fmt::format(R"({{"graph": {}}})", graph))).error;
  EXPECT_THAT(error.violations, ElementsAre(Pair("source.graph", HasSubstr("fc"))));
}

TEST_F(ImportModelTest, RefusesAnUnknownBuiltin) {
  const Error error = Import(SmallTensors(), Source(R"({"builtin": "jsc-huge"})")).error;
  EXPECT_THAT(error.violations, ElementsAre(Pair("source.builtin", HasSubstr("jsc-huge"))));
}

}  // namespace
}  // namespace bitsweep::rpc
