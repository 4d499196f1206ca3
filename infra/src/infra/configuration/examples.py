"""The public guide's configuration examples, as it writes them: for tests of what becomes of each."""

BUCKET = "modelBucketArn: arn:aws:s3:::my-models\n"

PLAIN = (
    BUCKET
    + """
modelsRuntime:
- name: "sdruntime" # Required
  namespace: "default"
  type: "sdwebui"
  modelFilename: "v1-5-pruned-emaonly.safetensors"
  dynamicModel: false
"""
)

CUSTOM = (
    BUCKET
    + """
modelsRuntime:
- name: "sdruntime"
  namespace: "default"
  type: "sdwebui"
  modelFilename: "v1-5-pruned-emaonly.safetensors"
  dynamicModel: false
  chartRepository: ""
  chartVersion: ""
  extraValues:
    runtime:
      inferenceApi:
        image:
          repository: <account_id>.dkr.ecr.<region>.amazonaws.com/sd-on-eks/sdwebui
          tag: latest
      queueAgent:
        image:
          repository: <account_id>.dkr.ecr.<region>.amazonaws.com/sd-on-eks/queue-agent
          tag: latest
"""
)

CHART_IN_ECR = (
    BUCKET
    + """
modelsRuntime:
- name: sdruntime
  namespace: default
  type: sdwebui
  modelFilename: "v1-5-pruned-emaonly.safetensors"
  chartRepository: "oci://123456789012.dkr.ecr.us-east-1.amazonaws.com/sd-on-eks/charts/sd-on-eks"
  chartVersion: "1.1.0"
"""
)

CHART_ON_HTTP = (
    BUCKET
    + """
modelsRuntime:
- name: sdruntime
  namespace: default
  type: sdwebui
  modelFilename: "v1-5-pruned-emaonly.safetensors"
  chartRepository: "http://example.com/"
  chartVersion: "1.0.0"
"""
)

SNAPSHOT = (
    BUCKET
    + """
modelsRuntime:
- name: "sdruntime"
  namespace: "default"
  type: "sdwebui"
  modelFilename: "v1-5-pruned-emaonly.safetensors"
  extraValues:
    karpenter:
      nodeTemplate:
        amiFamily: Bottlerocket
        dataVolume:
          snapshotID: snap-0123456789
"""
)

CHINA = """
stackName: sdoneks
modelBucketArn: arn:aws-cn:s3:::my-models
APIGW:
  stageName: dev
  throttle:
    rateLimit: 30
    burstLimit: 50
modelsRuntime:
- name: sdruntime
  namespace: "default"
  modelFilename: "v1-5-pruned-emaonly.safetensors"
  dynamicModel: false
  type: sdwebui
  extraValues:
    runtime:
      inferenceApi:
        image:
          repository: 123456789012.dkr.ecr.cn-northwest-1.amazonaws.com.cn/sd-on-eks/sdwebui
          tag: latest
      queueAgent:
        image:
          repository: 123456789012.dkr.ecr.cn-northwest-1.amazonaws.com.cn/sd-on-eks/queue-agent
          tag: latest
    karpenter:
      nodeTemplate:
        amiFamily: Bottlerocket
        dataVolume:
          snapshotID: snap-1234567890
      provisioner:
        instanceType:
        - "g5.xlarge"
        - "g5.2xlarge"
        capacityType:
          onDemand: true
          spot: true
"""
