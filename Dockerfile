FROM python:3.12-slim
ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
WORKDIR /srv/tributary
COPY setup.cfg pyproject.toml constraints.txt README.md ./
COPY config config
COPY app app
COPY tasks tasks
COPY workers workers
# In place: config/gunicorn.conf.py and the schema are read from here. Without the local engines.
RUN pip install --no-cache-dir -c constraints.txt -e '.[pictures]' \
 && useradd --system --home-dir /srv/tributary tributary \
 && install -d -o tributary /tmp/metrics
USER tributary
EXPOSE 8000 9100
CMD ["gunicorn", "--config", "config/gunicorn.conf.py", "workers.web:application()"]
