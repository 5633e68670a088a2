# The image with Ratchet, Airflow and MLflow, used by most services of the stack (docs/operate/deploy.md). Without arguments
# it runs what `make up` starts.
FROM python:3.11-slim-bookworm

RUN apt-get update \
 && apt-get install --yes --no-install-recommends libgomp1 \
 && rm -rf /var/lib/apt/lists/* \
 && useradd --create-home --uid 10001 ratchet

ARG PIP_INDEX_URL
ARG PIP_EXTRA_INDEX_URL
ARG PIP_TRUSTED_HOST
WORKDIR /opt/ratchet
COPY requirements.txt requirements-uv.txt ./
RUN python -m venv .venv \
 && .venv/bin/python -m pip install --no-cache-dir --quiet --require-hashes --only-binary :all: -r requirements-uv.txt \
 && .venv/bin/python -m uv pip sync --quiet --no-cache --require-hashes --compile-bytecode --python .venv/bin/python \
      ${PIP_INDEX_URL:+--default-index "$PIP_INDEX_URL"} ${PIP_EXTRA_INDEX_URL:+--index "$PIP_EXTRA_INDEX_URL"} requirements.txt

COPY include/usecases include/usecases
RUN for list in include/usecases/*/data-requirements.txt; do \
      name=$(basename "$(dirname "$list")"); \
      .venv/bin/python -m uv pip install --quiet --no-cache --require-hashes --no-deps --python .venv/bin/python --target ".data/$name" \
        ${PIP_INDEX_URL:+--default-index "$PIP_INDEX_URL"} ${PIP_EXTRA_INDEX_URL:+--index "$PIP_EXTRA_INDEX_URL"} -r "$list" || exit 1; \
    done \
 && chown -R ratchet .data \
 && cd /var/lib && install --directory --owner ratchet --group ratchet \
      ratchet ratchet/packages ratchet/keys ratchet/routes ratchet/prediction_log ratchet/feast ratchet/airflow ratchet/airflow/logs \
 && install --directory --owner ratchet --group ratchet /home/ratchet/.mlflow \
 && ln -s /run/secrets/mlflow_credentials /home/ratchet/.mlflow/credentials

COPY . .
RUN .venv/bin/python -m uv pip install --quiet --no-cache --no-deps --no-build-isolation --python .venv/bin/python --editable .

# The version of the code; packages trained in this image record it.
ARG RATCHET_COMMIT
ARG RATCHET_CODE
LABEL org.opencontainers.image.revision=$RATCHET_COMMIT

USER ratchet
ENV RATCHET_COMMIT=$RATCHET_COMMIT RATCHET_CODE=$RATCHET_CODE
ENV RATCHET_HOME=/var/lib/ratchet RATCHET_HOST=0.0.0.0 RATCHET_SERVING_HOST=0.0.0.0
ENV PATH=/opt/ratchet/.venv/bin:$PATH PYTHONPATH=/opt/ratchet PYTHONUNBUFFERED=1
EXPOSE 8080 5000 8000
CMD ["ratchet", "up", "--attached"]
