#!/usr/bin/env bash
# What Spark on Kubernetes starts a pod with: `driver ...` or `executor`. All else runs as it is.
set -euo pipefail
case "${1-}" in
driver)
  exec spark-submit --conf "spark.driver.bindAddress=$SPARK_DRIVER_BIND_ADDRESS" \
    --deploy-mode client "${@:2}"
  ;;
executor)
  options=()
  while name=SPARK_JAVA_OPT_${#options[@]}; [[ -v $name ]]; do options+=("${!name}"); done
  home=$(python3 -c 'import pyspark; print(*pyspark.__path__)')
  exec java "${options[@]}" "-Xms$SPARK_EXECUTOR_MEMORY" "-Xmx$SPARK_EXECUTOR_MEMORY" \
    -cp "${SPARK_CONF_DIR-}:${HADOOP_CONF_DIR-}:$home/jars/*:${SPARK_EXTRA_CLASSPATH-}" \
    org.apache.spark.scheduler.cluster.k8s.KubernetesExecutorBackend \
    --driver-url "$SPARK_DRIVER_URL" --executor-id "$SPARK_EXECUTOR_ID" \
    --cores "$SPARK_EXECUTOR_CORES" --app-id "$SPARK_APPLICATION_ID" \
    --hostname "$SPARK_EXECUTOR_POD_IP" --resourceProfileId "$SPARK_RESOURCE_PROFILE_ID" \
    --podName "$SPARK_EXECUTOR_POD_NAME"
  ;;
*) exec "$@" ;;
esac
