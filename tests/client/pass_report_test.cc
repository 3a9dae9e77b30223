// SPDX-License-Identifier: Apache-2.0
// What `transform show` prints of each pass. The numbers are the lab report's.
#include "client/output/pass_report.h"

#include "gmock/gmock.h"
#include "google/protobuf/text_format.h"
#include "tests/client/golden_text.h"

namespace bitsweep::client {
namespace {

using ::testing::HasSubstr;

v1::TransformJob Job(const std::string& text) {
  v1::TransformJob job;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text, &job));
  return job;
}
std::string OnTerminal(const std::string& text) {
  return RenderPassResults(Job(text), Format::kTable);
}
std::string Piped(const std::string& text) { return RenderPassResults(Job(text), Format::kTsv); }

constexpr char kGraph[] =
    R"pb(results {
           pass: "report_graph"
           seconds: 0.004
           graph {
             listing: "graph():\n    %x : [num_users=1] = placeholder[target=x]\n    return x"
             counts { placeholder: 1 call_module: 4 output: 1 }
             modules: "BatchNorm1d(16, eps=1e-05, momentum=0.1, affine=True, track_running_stats=True)"
             modules: "ReLU(inplace=True)"
             graph_name: "jsc-tiny"
             parameter_count: 117
           }
         })pb";

TEST(PassReportTest, PrintsAGraphAsTheToolDoes) {
  EXPECT_EQ(Piped(kGraph),
            "=== report_graph, 0.00 s\n"
            "graph():\n"
            "    %x : [num_users=1] = placeholder[target=x]\n"
            "    return x\n"
            "Network overview:\n"
            "{'placeholder': 1, 'get_attr': 0, 'call_function': 0, 'call_method': 0, "
            "'call_module': 4, 'output': 1}\n"
            "Layer types:\n"
            "[BatchNorm1d(16, eps=1e-05, momentum=0.1, affine=True, track_running_stats=True), "
            "ReLU(inplace=True)]\n"
            "jsc-tiny: 117 parameters\n");
}

constexpr char kComparison[] =
    R"pb(results {
           pass: "compare_graphs"
           comparison {
             nodes {
               original_name: "x"
               new_name: "x"
               fx_op: "placeholder"
               mase_type: "placeholder"
               mase_op: "placeholder"
               original_type: "x"
               quantized_type: "x"
             }
             nodes {
               original_name: "seq_blocks_2"
               new_name: "seq_blocks_2"
               fx_op: "call_module"
               mase_type: "module_related_func"
               mase_op: "linear"
               original_type: "Linear"
               quantized_type: "LinearInteger"
               changed: true
             }
             histogram { original_type: "Linear" op: "linear" total: 1 changed: 1 }
             histogram { original_type: "x" op: "placeholder" total: 1 unchanged: 1 }
           }
         })pb";

TEST(PassReportTest, AlignsAComparisonOnATerminal) {
  EXPECT_EQ(
      OnTerminal(kComparison),
      "=== compare_graphs, 0.00 s\n"
      "Ori name      New name      Node_OP      MASE_TYPE            Mase_OP      Original type  "
      "Quantized type  Changed\n"
      "x             x             placeholder  placeholder          placeholder  x              "
      "x               False\n"
      "seq_blocks_2  seq_blocks_2  call_module  module_related_func  linear       Linear         "
      "LinearInteger   True\n"
      "\n"
      "Original type  OP           Total  Changed  Unchanged\n"
      "Linear         linear           1        1          0\n"
      "x              placeholder      1        0          1\n");
}

TEST(PassReportTest, SeparatesAComparisonByTabsElsewhere) {
  EXPECT_EQ(Piped(kComparison),
            "=== compare_graphs, 0.00 s\n"
            "Ori name\tNew name\tNode_OP\tMASE_TYPE\tMase_OP\tOriginal type\tQuantized type\t"
            "Changed\n"
            "x\tx\tplaceholder\tplaceholder\tplaceholder\tx\tx\tFalse\n"
            "seq_blocks_2\tseq_blocks_2\tcall_module\tmodule_related_func\tlinear\tLinear\t"
            "LinearInteger\tTrue\n"
            "\n"
            "Original type\tOP\tTotal\tChanged\tUnchanged\n"
            "Linear\tlinear\t1\t1\t0\n"
            "x\tplaceholder\t1\t0\t1\n");
}

constexpr char kStatistics[] = R"pb(results {
                                      pass: "profile_statistics"
                                      statistics {
                                        samples: 32
                                        statistics {
                                          node: "seq_blocks_2"
                                          tensor: "weight"
                                          statistic: "variance_precise"
                                          values { key: "count" values: 80 }
                                          values { key: "mean" values: -0.009381229057908058 }
                                          values { key: "variance" values: 0.020840153098106384 }
                                        }
                                        statistics {
                                          node: "seq_blocks_1"
                                          tensor: "data_in_0"
                                          activation: true
                                          statistic: "range_min_max"
                                          values { key: "count" values: 512 }
                                          values { key: "min" }
                                        }
                                        statistics {
                                          node: "seq_blocks_0"
                                          tensor: "weight"
                                          statistic: "variance_precise"
                                          values {
                                            key: "mean"
                                            values: [ 0.5, 1.5, 2.5, 3.5, 4.5 ]
                                            shape: 5
                                          }
                                        }
                                      }
                                    })pb";

TEST(PassReportTest, GivesEachStatisticATable) {
  EXPECT_EQ(OnTerminal(kStatistics),
            "=== profile_statistics, 0.00 s\n"
            "32 samples\n"
            "\n"
            "variance_precise\n"
            "Node          Tensor  Of      count  mean                          variance\n"
            "seq_blocks_2  weight  weight     80  -0.00938123                  0.0208402\n"
            "seq_blocks_0  weight  weight      -  [0.5, 1.5, 2.5, 3.5, ... 5]          -\n"
            "\n"
            "range_min_max\n"
            "Node          Tensor     Of          count  min\n"
            "seq_blocks_1  data_in_0  activation    512    -\n");
}

constexpr char kCollected[] = R"pb(results {
                                     pass: "profile_statistics"
                                     statistics {
                                       statistics {
                                         node: "seq_blocks_2"
                                         tensor: "weight"
                                         statistic: "variance_precise"
                                         values { key: "count" values: 80 }
                                         values { key: "mean" values: -0.009381229057908058 }
                                         values { key: "variance" values: 0.020840153098106384 }
                                       }
                                       statistics {
                                         node: "seq_blocks_2"
                                         tensor: "bias"
                                         statistic: "variance_precise"
                                         values { key: "count" values: 5 }
                                         values { key: "mean" values: -0.010053220205008984 }
                                         values { key: "variance" values: 0.05255531892180443 }
                                       }
                                     }
                                   })pb";

constexpr char kMeta[] = R"pb(results {
                                pass: "report_node_meta"
                                node_meta {
                                  which: "common"
                                  which: "software"
                                  nodes {
                                    name: "x"
                                    fx_op: "placeholder"
                                    mase_type: "placeholder"
                                    mase_op: "placeholder"
                                    results {
                                      name: "data_out_0"
                                      shape: [ 8, 16 ]
                                      type: "float"
                                      precision: 32
                                      torch_dtype: "torch.float32"
                                    }
                                    software_results: "data_out_0"
                                  }
                                  nodes {
                                    name: "seq_blocks_2"
                                    fx_op: "call_module"
                                    mase_type: "module_related_func"
                                    mase_op: "linear"
                                    args {
                                      name: "data_in_0"
                                      shape: [ 8, 16 ]
                                      type: "float"
                                      precision: 32
                                      torch_dtype: "torch.float32"
                                    }
                                    args {
                                      name: "weight"
                                      shape: [ 5, 16 ]
                                      type: "float"
                                      precision: 32
                                    }
                                    args { name: "bias" shape: 5 type: "float" precision: 32 }
                                    results {
                                      name: "data_out_0"
                                      shape: [ 8, 5 ]
                                      type: "float"
                                      precision: 32
                                      torch_dtype: "torch.float32"
                                    }
                                    software_args: "data_in_0"
                                    software_args: "weight"
                                    software_args: "bias"
                                    software_results: "data_out_0"
                                  }
                                }
                              })pb";

// The grid that the report shows: its cells are Python's pprint of the same dictionaries.
TEST(PassReportTest, DrawsAGridOfNodesWithTheStatisticsCollectedBefore) {
  const std::string text = OnTerminal(std::string(kCollected) + kMeta);
  ExpectGolden(text.substr(text.find("=== report_node_meta")), "node_meta");
}

TEST(PassReportTest, DrawsTheSameGridElsewhere) {
  const std::string text = Piped(std::string(kCollected) + kMeta);
  ExpectGolden(text.substr(text.find("=== report_node_meta")), "node_meta");
}

TEST(PassReportTest, LeavesOutParametersThatWereNotAskedFor) {
  EXPECT_EQ(OnTerminal(R"pb(results {
                              pass: "report_node_meta"
                              node_meta {
                                which: "software"
                                nodes {
                                  name: "relu"
                                  fx_op: "call_function"
                                  mase_type: "module_related_func"
                                  mase_op: "relu"
                                  software_args: "data_in_0"
                                }
                              }
                            })pb"),
            "=== report_node_meta, 0.00 s\n"
            "+-----------+---------------+---------------------+---------+"
            "------------------------------------------------------+\n"
            "| Node name | Fx Node op    | Mase type           | Mase op |"
            " Software Param                                       |\n"
            "+===========+===============+=====================+=========+"
            "======================================================+\n"
            "| relu      | call_function | module_related_func | relu    |"
            " {'args': {'data_in_0': {'stat': {}}}, 'results': {}} |\n"
            "+-----------+---------------+---------------------+---------+"
            "------------------------------------------------------+\n");
}

TEST(PassReportTest, PrintsArgumentsThatAreNoTensors) {
  EXPECT_THAT(Piped(R"pb(results {
                           pass: "report_node_meta"
                           node_meta {
                             which: "common"
                             nodes {
                               name: "relu"
                               fx_op: "call_function"
                               mase_type: "module_related_func"
                               mase_op: "relu"
                               scalars { name: "inplace" value: "False" }
                             }
                           }
                         })pb"),
              HasSubstr("{'args': {'inplace': False},"));
}

TEST(PassReportTest, ListsQuantizedNodes) {
  EXPECT_EQ(Piped(R"pb(results {
                         pass: "quantize"
                         quantize {
                           average_bitwidth: 8
                           memory_density: 4
                           nodes {
                             node: "fc"
                             op: "linear"
                             format: "integer"
                             data_in: "integer (8, 4)"
                             weight: "integer (8, 4)"
                           }
                         }
                       })pb"),
            "=== quantize, 0.00 s\n"
            "average bitwidth 8, memory density 4\n"
            "Node\tOp\tFormat\tdata_in\tweight\tbias\n"
            "fc\tlinear\tinteger\tinteger (8, 4)\tinteger (8, 4)\t\n");
}

TEST(PassReportTest, PrintsTensorsBeforeAndAfterQuantization) {
  EXPECT_EQ(Piped(R"pb(results {
                         pass: "verify_quantization"
                         quantization {
                           tensors {
                             node: "fc"
                             tensor: "bias"
                             format: "integer (8, 4)"
                             shape: 5
                             width: 8
                             original: [ -0.0223, 0.0642, 0.0230, 0.0888, -0.0599 ]
                             quantized: [ -0.0, 0.0625, 0.0, 0.0625, -0.0625 ]
                             elements: 5
                             distinct: 4
                             step: 0.0625
                             flushed_to_zero: 2
                             max_abs_error: 0.0263
                             mean_abs_error: 0.01518
                             sqnr_db: 11.5
                           }
                           outputs {
                             node: "fc"
                             original_type: "Linear"
                             quantized_type: "LinearInteger"
                             original: [ 0.3859, -0.7512 ]
                             quantized: [ 0.21875, -0.21875 ]
                           }
                         }
                       })pb"),
            "=== verify_quantization, 0.00 s\n"
            "There is quantization at fc\n"
            "original module: Linear, new module: LinearInteger\n"
            "original bias: tensor([-0.0223,  0.0642,  0.0230,  0.0888, -0.0599])\n"
            "quantized bias: tensor([-0.0000,  0.0625,  0.0000,  0.0625, -0.0625])\n"
            "bias: integer (8, 4), 5 values, 4 distinct, step 0.0625, 0 saturated, 2 flushed to "
            "zero, max error 0.0263, mean error 0.01518, SQNR 11.50 dB\n"
            "output for original module: tensor([ 0.3859, -0.7512])\n"
            "output for quantized module: tensor([ 0.2188, -0.2188])\n");
}

TEST(PassReportTest, SaysWhenNothingIsQuantized) {
  EXPECT_EQ(Piped(R"pb(results {
                         pass: "verify_quantization"
                         quantization {}
                       })pb"),
            "=== verify_quantization, 0.00 s\nno node is quantized\n");
}

constexpr char kOps[] =
    R"pb(results {
           pass: "count_ops"
           ops {
             batch_size: 8
             size_bits: 4768
             counts {
               convention: COUNT_CONVENTION_LAB_REPORT
               flops: 1833
               bitops: 79680
               nodes { node: "seq_blocks_0" op: "batch_norm1d" flops: 1025 }
               nodes { node: "seq_blocks_1" op: "relu" flops: 128 }
               nodes { node: "seq_blocks_2" op: "linear" flops: 640 bitops: 79680 }
               nodes { node: "seq_blocks_3" op: "relu" flops: 40 }
               unsupported: "s"
             }
             counts { convention: COUNT_CONVENTION_MACS flops: 640 bitops: 40960.5 }
           }
         })pb";

TEST(PassReportTest, CountsOperationsByEachConvention) {
  EXPECT_EQ(OnTerminal(kOps),
            "=== count_ops, 0.00 s\n"
            "batch size 8; parameters and buffers take 4768 bits\n"
            "\n"
            "LAB_REPORT\n"
            "not covered: s\n"
            "Node          Op            FLOPs  BitOPs\n"
            "seq_blocks_0  batch_norm1d   1025       0\n"
            "seq_blocks_1  relu            128       0\n"
            "seq_blocks_2  linear          640   79680\n"
            "seq_blocks_3  relu             40       0\n"
            "total         -              1833   79680\n"
            "\n"
            "MACS\n"
            "Node   Op  FLOPs   BitOPs\n"
            "total   -    640  40960.5\n");
}

TEST(PassReportTest, ComparesEvaluationsBeforeAndAfter) {
  EXPECT_EQ(OnTerminal(R"pb(results {
                              pass: "evaluate"
                              evaluation {
                                classes: 2
                                rows: 8
                                class_names: "gluon"
                                class_names: "top"
                                original {
                                  accuracy: 0.75
                                  macro_accuracy: 0.7
                                  loss: 0.5
                                  loss_batch_mean: 0.5
                                  confusion: [ 3, 1, 1, 3 ]
                                }
                                current {
                                  accuracy: 0.625
                                  macro_accuracy: 0.6
                                  loss: 0.75
                                  loss_batch_mean: 0.76
                                  confusion: [ 2, 2, 1, 3 ]
                                }
                              }
                            })pb"),
            "=== evaluate, 0.00 s\n"
            "8 validation rows, 2 classes\n"
            "Metric                     Before   After\n"
            "accuracy                   0.7500  0.6250\n"
            "macro accuracy             0.7000  0.6000\n"
            "loss                       0.5000  0.7500\n"
            "loss, mean of batch means  0.5000  0.7600\n"
            "\n"
            "Before: rows of a class (down) taken for a class (across)\n"
            "class  gluon  top\n"
            "gluon      3    1\n"
            "top        1    3\n"
            "\n"
            "After: rows of a class (down) taken for a class (across)\n"
            "class  gluon  top\n"
            "gluon      2    2\n"
            "top        1    3\n");
}

TEST(PassReportTest, LeavesOutTheOriginalWhereItWasNotMeasured) {
  EXPECT_EQ(
      Piped(
          R"pb(results {
                 pass: "evaluate"
                 evaluation {
                   classes: 2
                   rows: 8
                   current { accuracy: 0.625 macro_accuracy: 0.5 loss: 0.75 loss_batch_mean: 0.75 }
                 }
               })pb"),
      "=== evaluate, 0.00 s\n"
      "8 validation rows, 2 classes\n"
      "Metric\tAfter\n"
      "accuracy\t0.625\n"
      "macro accuracy\t0.5\n"
      "loss\t0.75\n"
      "loss, mean of batch means\t0.75\n");
}

TEST(PassReportTest, ListsPrunedTensors) {
  EXPECT_EQ(
      OnTerminal(
          R"pb(results {
                 pass: "prune"
                 prune {
                   sparsity: 0.5
                   tensors { node: "fc" tensor: "weight" elements: 80 zeros: 40 threshold: 0.125 }
                   tensors { node: "fc2" tensor: "weight" elements: 8 zeros: 4 }
                 }
               })pb"),
      "=== prune, 0.00 s\n"
      "sparsity 0.5000\n"
      "Node  Tensor  Elements  Zeros  Sparsity  Threshold\n"
      "fc    weight        80     40    0.5000      0.125\n"
      "fc2   weight         8      4    0.5000          -\n");
}

TEST(PassReportTest, SetsPassesApart) {
  EXPECT_THAT(Piped(std::string(kGraph) + kOps),
              HasSubstr("jsc-tiny: 117 parameters\n\n=== count_ops, 0.00 s\n"));
}

}  // namespace
}  // namespace bitsweep::client
