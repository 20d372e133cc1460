import datetime
import django.contrib.postgres.fields
import django.core.validators
import django.db.models.deletion
import django.db.models.expressions
import django.db.models.functions.datetime
import leads.models.change
import leads.schema.check
import pgtrigger.compiler
import pgtrigger.migrations
import uuid
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('pghistory', '0007_auto_20250421_0444'),
    ]

    operations = [
        migrations.CreateModel(
            name='ConsentText',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('version', models.CharField(max_length=40)),
                ('wording', models.TextField()),
                ('channels', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(choices=[('call', 'Call'), ('text', 'Text'), ('email', 'Email')], max_length=5), help_text='call, text, email', size=None)),
                ('most_companies', models.PositiveSmallIntegerField(help_text='The most companies that may call under this text.')),
                ('named_partners', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=120), blank=True, default=list, size=None)),
                ('sha256', models.CharField(editable=False, max_length=64)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
            ],
            options={
                'ordering': ['source', 'version'],
            },
        ),
        migrations.CreateModel(
            name='FeedMark',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ('ended', leads.models.change.TransactionId()),
                ('reached', leads.models.change.TransactionId()),
            ],
            options={
                'ordering': ['at'],
            },
        ),
        migrations.CreateModel(
            name='FieldSchema',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('version', models.PositiveIntegerField()),
                ('fields', models.JSONField(validators=[leads.schema.check.check_schema])),
                ('created_at', models.DateTimeField(auto_now_add=True)),
            ],
            options={
                'ordering': ['vertical', '-version'],
            },
        ),
        migrations.CreateModel(
            name='SourceEvent',
            fields=[
                ('pgh_id', models.AutoField(primary_key=True, serialize=False)),
                ('pgh_created_at', models.DateTimeField(auto_now_add=True)),
                ('pgh_label', models.TextField(help_text='The event label.')),
                ('id', models.BigIntegerField()),
                ('slug', models.SlugField(db_index=False, max_length=60)),
                ('legal_name', models.CharField(max_length=120)),
                ('address', models.CharField(max_length=200)),
                ('phone', models.CharField(max_length=30)),
                ('kind', models.CharField(choices=[('own_form', 'Own form'), ('partner_form', 'Partner form'), ('phone_call', 'Phone call'), ('imported_file', 'Imported file'), ('compiled', 'Compiled data')], default='own_form', max_length=20)),
                ('site', models.CharField(blank=True, help_text='The domain of the form people filled in.', max_length=120)),
                ('site_masked', models.BooleanField(default=False, help_text='Buyers see that the site is masked, but not its name.')),
                ('incentive', models.BooleanField(default=False, help_text='People were rewarded for filling in the form.')),
                ('grade', models.CharField(choices=[('A', 'Good results'), ('B', 'Solid'), ('C', 'Mixed'), ('D', 'Weak or incentivized')], default='C', max_length=1)),
                ('payout_percent', models.PositiveSmallIntegerField(default=50, validators=[django.core.validators.MaxValueValidator(100)])),
                ('return_window_days', models.PositiveSmallIntegerField(default=10, validators=[django.core.validators.MinValueValidator(1)])),
                ('is_active', models.BooleanField(default=True)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
            ],
            options={
                'abstract': False,
            },
        ),
        migrations.CreateModel(
            name='Suppression',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('kind', models.CharField(choices=[('phone', 'Phone'), ('email', 'Email')], max_length=5)),
                ('digest', models.BinaryField(max_length=32)),
                ('reason', models.CharField(choices=[('own_stop', 'Asked us to stop'), ('dnc', 'Do-not-call list'), ('drop', 'State deletion list')], max_length=8)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
            ],
        ),
        migrations.CreateModel(
            name='SweepRun',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('started_at', models.DateTimeField()),
                ('finished_at', models.DateTimeField(null=True)),
                ('moved', models.PositiveIntegerField(default=0)),
                ('closed', models.PositiveIntegerField(default=0, help_text='Legs of verticals that are not open for resale.')),
                ('retired', models.PositiveIntegerField(default=0, help_text='Legs past their shelf life.')),
                ('problem', models.CharField(blank=True, max_length=200)),
            ],
            options={
                'ordering': ['-started_at'],
            },
        ),
        migrations.CreateModel(
            name='Vertical',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('slug', models.SlugField(max_length=40, unique=True)),
                ('name', models.CharField(max_length=60, unique=True)),
                ('trade', models.CharField(help_text='The trade a buyer must be in to call these people.', max_length=60)),
                ('position', models.PositiveSmallIntegerField(default=100)),
                ('window_minutes', models.PositiveIntegerField(default=15, validators=[django.core.validators.MinValueValidator(1)])),
                ('default_legs', models.PositiveSmallIntegerField(default=4, validators=[django.core.validators.MinValueValidator(1), django.core.validators.MaxValueValidator(20)])),
                ('shelf_life_days', models.PositiveIntegerField(default=730, validators=[django.core.validators.MinValueValidator(1)])),
                ('retention_days', models.PositiveIntegerField(default=1095, help_text='Days until a contact is erased. The evidence of consent is kept.')),
                ('duplicate_window_days', models.PositiveIntegerField(default=30, help_text='Requests from the same person within this many days count as one.')),
                ('open_for_resale', models.BooleanField(default=True, help_text='Off for Medicare, where consent names one company.')),
            ],
            options={
                'ordering': ['position', 'name'],
            },
        ),
        migrations.CreateModel(
            name='VerticalEvent',
            fields=[
                ('pgh_id', models.AutoField(primary_key=True, serialize=False)),
                ('pgh_created_at', models.DateTimeField(auto_now_add=True)),
                ('pgh_label', models.TextField(help_text='The event label.')),
                ('id', models.BigIntegerField()),
                ('slug', models.SlugField(db_index=False, max_length=40)),
                ('name', models.CharField(max_length=60)),
                ('trade', models.CharField(help_text='The trade a buyer must be in to call these people.', max_length=60)),
                ('position', models.PositiveSmallIntegerField(default=100)),
                ('window_minutes', models.PositiveIntegerField(default=15, validators=[django.core.validators.MinValueValidator(1)])),
                ('default_legs', models.PositiveSmallIntegerField(default=4, validators=[django.core.validators.MinValueValidator(1), django.core.validators.MaxValueValidator(20)])),
                ('shelf_life_days', models.PositiveIntegerField(default=730, validators=[django.core.validators.MinValueValidator(1)])),
                ('retention_days', models.PositiveIntegerField(default=1095, help_text='Days until a contact is erased. The evidence of consent is kept.')),
                ('duplicate_window_days', models.PositiveIntegerField(default=30, help_text='Requests from the same person within this many days count as one.')),
                ('open_for_resale', models.BooleanField(default=True, help_text='Off for Medicare, where consent names one company.')),
            ],
            options={
                'abstract': False,
            },
        ),
        migrations.CreateModel(
            name='Change',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('leads', django.contrib.postgres.fields.ArrayField(base_field=models.BigIntegerField(), db_default=[], default=list, size=None)),
                ('corrected', django.contrib.postgres.fields.ArrayField(base_field=models.BigIntegerField(), db_default=[], default=list, size=None)),
                ('sources', django.contrib.postgres.fields.ArrayField(base_field=models.BigIntegerField(), db_default=[], default=list, size=None)),
                ('made_in', leads.models.change.TransactionId(db_default=models.Func(function='pg_current_xact_id'), editable=False)),
                ('made_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
            ],
            options={
                'indexes': [models.Index(fields=['made_in'], name='change_by_transaction')],
            },
        ),
        migrations.CreateModel(
            name='FeedHorizon',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('forgotten', leads.models.change.TransactionId()),
                ('reached', leads.models.change.TransactionId()),
            ],
            options={
                'constraints': [models.CheckConstraint(condition=models.Q(('id', 1)), name='feed_has_one_horizon')],
            },
        ),
        migrations.CreateModel(
            name='ImportRun',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('public_id', models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ('file_name', models.CharField(max_length=120)),
                ('file_sha256', models.CharField(max_length=64)),
                ('file_bytes', models.PositiveBigIntegerField()),
                ('stored_as', models.CharField(blank=True, help_text='The sealed upload; deleted when the import is done.', max_length=200)),
                ('sheet_format', models.JSONField(default=dict, help_text='Kind, encoding and delimiter of the file.')),
                ('columns', models.JSONField(default=dict, help_text='Field name to column header.')),
                ('timezone', models.CharField(default='UTC', max_length=40)),
                ('default_legs', models.PositiveSmallIntegerField(blank=True, null=True)),
                ('status', models.CharField(choices=[('mapping', 'Columns to check'), ('checking', 'Dry run'), ('checked', 'Ready to import'), ('running', 'Running'), ('done', 'Done'), ('failed', 'Failed')], default='mapping', max_length=8)),
                ('rows_total', models.PositiveIntegerField(default=0)),
                ('rows_read', models.PositiveIntegerField(default=0)),
                ('taken', models.PositiveIntegerField(default=0)),
                ('flagged', models.PositiveIntegerField(default=0)),
                ('refused', models.PositiveIntegerField(default=0)),
                ('duplicates', models.PositiveIntegerField(default=0)),
                ('resumptions', models.PositiveSmallIntegerField(default=0, help_text='Restarts since a batch last succeeded.')),
                ('problem', models.CharField(blank=True, max_length=300)),
                ('started_by', models.CharField(blank=True, max_length=254)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('worked_at', models.DateTimeField(auto_now_add=True, help_text='When it last made progress.')),
                ('finished_at', models.DateTimeField(null=True)),
                ('default_consent_text', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, to='leads.consenttext')),
            ],
            options={
                'ordering': ['-created_at'],
            },
        ),
        migrations.CreateModel(
            name='ImportProblem',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('row', models.PositiveIntegerField(help_text='Counted from 1, below the header row.')),
                ('outcome', models.CharField(choices=[('refused', 'Refused'), ('flagged', 'Flagged'), ('duplicate', 'Duplicate')], max_length=9)),
                ('field', models.CharField(max_length=60)),
                ('reason', models.CharField(max_length=160)),
                ('run', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='problems', to='leads.importrun')),
            ],
            options={
                'ordering': ['run', 'row', 'id'],
            },
        ),
        migrations.CreateModel(
            name='Lead',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('public_id', models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ('external_id', models.CharField(help_text="The source's own ID, or a fingerprint of the request.", max_length=80)),
                ('kind', models.CharField(choices=[('form', 'Form'), ('call', 'Phone call'), ('compiled', 'Compiled (not a request)')], default='form', max_length=8)),
                ('captured_at', models.DateTimeField(help_text='When the person made the request.')),
                ('received_at', models.DateTimeField(help_text='When we received it.')),
                ('state', models.CharField(max_length=2)),
                ('postal_code', models.CharField(blank=True, max_length=5, validators=[django.core.validators.RegexValidator('^\\d{5}$')])),
                ('phone_type', models.CharField(choices=[('mobile', 'Mobile'), ('landline', 'Landline'), ('voip', 'VoIP'), ('unknown', 'Unknown')], default='unknown', max_length=8)),
                ('attributes', models.JSONField(default=dict)),
                ('flags', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=60), default=list, help_text='Problems at intake, as field:reason.', size=None)),
                ('legs_authorized', models.PositiveSmallIntegerField()),
                ('withdrawn_at', models.DateTimeField(help_text='When the person opted out. It can never be sold again.', null=True)),
                ('times_sold', models.PositiveSmallIntegerField(default=0, editable=False)),
                ('legs_realtime', models.PositiveSmallIntegerField(default=0, editable=False)),
                ('legs_left', models.PositiveSmallIntegerField(default=0, editable=False)),
                ('duplicate_of', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='duplicates', to='leads.lead')),
                ('import_run', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='leads', to='leads.importrun')),
                ('schema', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='leads', to='leads.fieldschema')),
            ],
            options={
                'permissions': [('reveal_contact', 'Can open a sealed contact')],
            },
        ),
        migrations.CreateModel(
            name='ContactDigest',
            fields=[
                ('pk', models.CompositePrimaryKey('lead', 'digest', blank=True, editable=False, primary_key=True, serialize=False)),
                ('kind', models.CharField(choices=[('phone', 'Phone'), ('email', 'Email')], max_length=5)),
                ('digest', models.BinaryField(max_length=32)),
                ('lead', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='digests', to='leads.lead')),
            ],
        ),
        migrations.CreateModel(
            name='Contact',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('sealed', models.BinaryField(null=True)),
                ('erased_at', models.DateTimeField(null=True)),
                ('lead', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, related_name='contact', to='leads.lead')),
            ],
        ),
        migrations.CreateModel(
            name='Consent',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('given_at', models.DateTimeField()),
                ('page', models.CharField(help_text='The page that showed the text, without query or fragment.', max_length=300)),
                ('sealed_machine', models.BinaryField(help_text='IP address and user agent, sealed.', null=True)),
                ('trustedform_url', models.CharField(blank=True, max_length=200)),
                ('leadid_token', models.UUIDField(null=True)),
                ('retained_until', models.DateField(help_text='How long the certificate provider keeps the recording.', null=True)),
                ('text', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='consents', to='leads.consenttext')),
                ('lead', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, related_name='consent', to='leads.lead')),
            ],
        ),
        migrations.CreateModel(
            name='Leg',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('number', models.PositiveSmallIntegerField()),
                ('market', models.CharField(choices=[('realtime', 'Real-time'), ('aged', 'Aged')], default='realtime', max_length=8)),
                ('aged_at', models.DateTimeField(null=True)),
                ('status', models.CharField(choices=[('open', 'Open'), ('held', 'Held during payment'), ('sold', 'Sold'), ('closed', 'Closed')], default='open', max_length=6)),
                ('closed_reason', models.CharField(blank=True, choices=[('sold_elsewhere', 'Sold before we received it'), ('exclusive', 'Sold as exclusive'), ('withdrawn', 'Stopped by the person'), ('expired', 'Too old to sell'), ('not_for_resale', 'Not for resale'), ('faulty', 'Returned by a buyer as bad')], max_length=16)),
                ('ended_at', models.DateTimeField(help_text='When it was sold or closed, if known.', null=True)),
                ('held_until', models.DateTimeField(help_text='When the hold ends. No job is needed to end it.', null=True)),
                ('held_for', models.UUIDField(help_text='The order it is held for.', null=True)),
                ('lead', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='legs', to='leads.lead')),
            ],
            options={
                'ordering': ['lead', 'number'],
            },
        ),
        migrations.CreateModel(
            name='Reveal',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('actor', models.CharField(max_length=254)),
                ('reason', models.CharField(max_length=300)),
                ('at', models.DateTimeField(auto_now_add=True)),
                ('lead', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='reveals', to='leads.lead')),
            ],
            options={
                'ordering': ['-at'],
            },
        ),
        migrations.CreateModel(
            name='Source',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('slug', models.SlugField(max_length=60, unique=True)),
                ('legal_name', models.CharField(max_length=120)),
                ('address', models.CharField(max_length=200)),
                ('phone', models.CharField(max_length=30)),
                ('kind', models.CharField(choices=[('own_form', 'Own form'), ('partner_form', 'Partner form'), ('phone_call', 'Phone call'), ('imported_file', 'Imported file'), ('compiled', 'Compiled data')], default='own_form', max_length=20)),
                ('site', models.CharField(blank=True, help_text='The domain of the form people filled in.', max_length=120)),
                ('site_masked', models.BooleanField(default=False, help_text='Buyers see that the site is masked, but not its name.')),
                ('incentive', models.BooleanField(default=False, help_text='People were rewarded for filling in the form.')),
                ('grade', models.CharField(choices=[('A', 'Good results'), ('B', 'Solid'), ('C', 'Mixed'), ('D', 'Weak or incentivized')], default='C', max_length=1)),
                ('payout_percent', models.PositiveSmallIntegerField(default=50, validators=[django.core.validators.MaxValueValidator(100)])),
                ('return_window_days', models.PositiveSmallIntegerField(default=10, validators=[django.core.validators.MinValueValidator(1)])),
                ('is_active', models.BooleanField(default=True)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
            ],
            options={
                'ordering': ['legal_name'],
                'constraints': [models.CheckConstraint(condition=models.Q(('grade__in', ['A', 'B', 'C', 'D'])), name='source_grade_is_known'), models.CheckConstraint(condition=models.Q(('payout_percent__lte', 100)), name='source_payout_at_most_all'), models.CheckConstraint(condition=models.Q(('incentive', False), ('grade__in', ['C', 'D']), _connector='OR'), name='source_rewarded_is_never_graded_well')],
            },
        ),
        migrations.AddField(
            model_name='lead',
            name='source',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='leads', to='leads.source'),
        ),
        migrations.AddField(
            model_name='importrun',
            name='source',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='import_runs', to='leads.source'),
        ),
        migrations.AddField(
            model_name='consenttext',
            name='source',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='consent_texts', to='leads.source'),
        ),
        migrations.CreateModel(
            name='ColumnMapping',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('columns', models.JSONField(help_text='Field name to column header.')),
                ('timezone', models.CharField(default='UTC', max_length=40)),
                ('updated_at', models.DateTimeField(auto_now=True)),
                ('source', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='column_mappings', to='leads.source')),
            ],
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='source',
            trigger=pgtrigger.compiler.Trigger(name='source_change_is_told', sql=pgtrigger.compiler.UpsertTriggerSql(condition='WHEN ((OLD.grade, OLD.kind, OLD.incentive, OLD.site, OLD.site_masked, OLD.legal_name) IS DISTINCT FROM (NEW.grade, NEW.kind, NEW.incentive, NEW.site, NEW.site_masked, NEW.legal_name))', func='\n    INSERT INTO leads_change (sources) VALUES (ARRAY[NEW.id]);\n    RETURN NULL;\n', hash='5ea76622950b0c397b9a6d0c850c480294433ad6', operation='UPDATE', pgid='pgtrigger_source_change_is_told_73303', table='leads_source', when='AFTER')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='source',
            trigger=pgtrigger.compiler.Trigger(name='insert_insert', sql=pgtrigger.compiler.UpsertTriggerSql(func='INSERT INTO "leads_sourceevent" ("address", "created_at", "grade", "id", "incentive", "is_active", "kind", "legal_name", "payout_percent", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "phone", "return_window_days", "site", "site_masked", "slug") VALUES (NEW."address", NEW."created_at", NEW."grade", NEW."id", NEW."incentive", NEW."is_active", NEW."kind", NEW."legal_name", NEW."payout_percent", _pgh_attach_context(), NOW(), \'insert\', NEW."id", NEW."phone", NEW."return_window_days", NEW."site", NEW."site_masked", NEW."slug"); RETURN NULL;', hash='1af3af59e5b32ab600c46ee5e9eebb43a4fe2c75', operation='INSERT', pgid='pgtrigger_insert_insert_5d01a', table='leads_source', when='AFTER')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='source',
            trigger=pgtrigger.compiler.Trigger(name='update_update', sql=pgtrigger.compiler.UpsertTriggerSql(condition='WHEN (OLD.* IS DISTINCT FROM NEW.*)', func='INSERT INTO "leads_sourceevent" ("address", "created_at", "grade", "id", "incentive", "is_active", "kind", "legal_name", "payout_percent", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "phone", "return_window_days", "site", "site_masked", "slug") VALUES (NEW."address", NEW."created_at", NEW."grade", NEW."id", NEW."incentive", NEW."is_active", NEW."kind", NEW."legal_name", NEW."payout_percent", _pgh_attach_context(), NOW(), \'update\', NEW."id", NEW."phone", NEW."return_window_days", NEW."site", NEW."site_masked", NEW."slug"); RETURN NULL;', hash='12356e31d5f4c4e9e2aed8884ed4e0ae40bf5711', operation='UPDATE', pgid='pgtrigger_update_update_1b17a', table='leads_source', when='AFTER')),
        ),
        migrations.AddField(
            model_name='sourceevent',
            name='pgh_context',
            field=models.ForeignKey(db_constraint=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='pghistory.context'),
        ),
        migrations.AddField(
            model_name='sourceevent',
            name='pgh_obj',
            field=models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='events', to='leads.source'),
        ),
        migrations.AddConstraint(
            model_name='suppression',
            constraint=models.UniqueConstraint(fields=('digest', 'kind', 'reason'), name='suppression_is_unique'),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='suppression',
            trigger=pgtrigger.compiler.Trigger(name='suppression_is_never_changed', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot update rows from % table', TG_TABLE_NAME;", hash='6a22a5ac6c0562bfbfdefc7ae2e99d9221ee606e', operation='UPDATE', pgid='pgtrigger_suppression_is_never_changed_15091', table='leads_suppression', when='BEFORE')),
        ),
        migrations.AddIndex(
            model_name='sweeprun',
            index=models.Index(fields=['-started_at'], name='sweep_run_newest'),
        ),
        migrations.AddConstraint(
            model_name='vertical',
            constraint=models.CheckConstraint(condition=models.Q(('window_minutes__gt', 0)), name='vertical_window_is_positive'),
        ),
        migrations.AddConstraint(
            model_name='vertical',
            constraint=models.CheckConstraint(condition=models.Q(('default_legs__range', (1, 20))), name='vertical_legs_1_to_20'),
        ),
        migrations.AddConstraint(
            model_name='vertical',
            constraint=models.CheckConstraint(condition=models.Q(('retention_days__gte', models.F('shelf_life_days'))), name='vertical_retention_covers_shelf_life'),
        ),
        migrations.AddField(
            model_name='lead',
            name='vertical',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='leads', to='leads.vertical'),
        ),
        migrations.AddField(
            model_name='importrun',
            name='vertical',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='import_runs', to='leads.vertical'),
        ),
        migrations.AddField(
            model_name='fieldschema',
            name='vertical',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='schemas', to='leads.vertical'),
        ),
        migrations.AddField(
            model_name='columnmapping',
            name='vertical',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='column_mappings', to='leads.vertical'),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='vertical',
            trigger=pgtrigger.compiler.Trigger(name='insert_insert', sql=pgtrigger.compiler.UpsertTriggerSql(func='INSERT INTO "leads_verticalevent" ("default_legs", "duplicate_window_days", "id", "name", "open_for_resale", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "position", "retention_days", "shelf_life_days", "slug", "trade", "window_minutes") VALUES (NEW."default_legs", NEW."duplicate_window_days", NEW."id", NEW."name", NEW."open_for_resale", _pgh_attach_context(), NOW(), \'insert\', NEW."id", NEW."position", NEW."retention_days", NEW."shelf_life_days", NEW."slug", NEW."trade", NEW."window_minutes"); RETURN NULL;', hash='38f8424240b6b9e203c6b807f3728816f3041631', operation='INSERT', pgid='pgtrigger_insert_insert_fbd87', table='leads_vertical', when='AFTER')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='vertical',
            trigger=pgtrigger.compiler.Trigger(name='update_update', sql=pgtrigger.compiler.UpsertTriggerSql(condition='WHEN (OLD.* IS DISTINCT FROM NEW.*)', func='INSERT INTO "leads_verticalevent" ("default_legs", "duplicate_window_days", "id", "name", "open_for_resale", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "position", "retention_days", "shelf_life_days", "slug", "trade", "window_minutes") VALUES (NEW."default_legs", NEW."duplicate_window_days", NEW."id", NEW."name", NEW."open_for_resale", _pgh_attach_context(), NOW(), \'update\', NEW."id", NEW."position", NEW."retention_days", NEW."shelf_life_days", NEW."slug", NEW."trade", NEW."window_minutes"); RETURN NULL;', hash='f224a67a4ab48b008dbed99708d239fd6813765e', operation='UPDATE', pgid='pgtrigger_update_update_3fe52', table='leads_vertical', when='AFTER')),
        ),
        migrations.AddField(
            model_name='verticalevent',
            name='pgh_context',
            field=models.ForeignKey(db_constraint=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='pghistory.context'),
        ),
        migrations.AddField(
            model_name='verticalevent',
            name='pgh_obj',
            field=models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='events', to='leads.vertical'),
        ),
        migrations.AddIndex(
            model_name='importproblem',
            index=models.Index(fields=['run', 'row'], name='import_problem_by_row'),
        ),
        migrations.AddIndex(
            model_name='contactdigest',
            index=models.Index(fields=['digest'], include=('lead',), name='digest_by_person'),
        ),
        migrations.AddConstraint(
            model_name='contactdigest',
            constraint=models.CheckConstraint(condition=models.Q(('kind__in', ['phone', 'email'])), name='digest_kind_is_known'),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='contactdigest',
            trigger=pgtrigger.compiler.Trigger(name='digest_is_never_changed', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot update rows from % table', TG_TABLE_NAME;", hash='92d547a674a52c20c775d14229e05e3af8f508b0', operation='UPDATE', pgid='pgtrigger_digest_is_never_changed_2ae86', table='leads_contactdigest', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='contactdigest',
            trigger=pgtrigger.compiler.Trigger(name='digest_of_nobody_erased', sql=pgtrigger.compiler.UpsertTriggerSql(func="\n                    IF EXISTS (\n                        SELECT FROM new_digests JOIN leads_contact AS contact USING (lead_id)\n                        WHERE contact.erased_at IS NOT NULL\n                    ) THEN\n                        RAISE EXCEPTION 'an erased contact cannot get a digest'\n                            USING ERRCODE = 'check_violation', CONSTRAINT = 'digest_of_nobody_erased';\n                    END IF;\n                    RETURN NULL;\n                ", hash='4b4554b26a270df19c85d9edfeb4e3b4ed338a0d', level='STATEMENT', operation='INSERT', pgid='pgtrigger_digest_of_nobody_erased_8de71', referencing='REFERENCING NEW TABLE AS new_digests ', table='leads_contactdigest', when='AFTER')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='contactdigest',
            trigger=pgtrigger.compiler.Trigger(name='digest_stays_while_needed', sql=pgtrigger.compiler.UpsertTriggerSql(func="\n        IF EXISTS (\n            SELECT FROM old_digests AS changed JOIN leads_contact AS contact ON contact.lead_id = changed.lead_id\n            WHERE contact.erased_at IS NULL\n                AND NOT EXISTS (SELECT FROM leads_contactdigest AS digest WHERE digest.lead_id = changed.lead_id)\n        ) THEN\n            RAISE EXCEPTION 'a contact has no phone and no email address'\n                USING ERRCODE = 'check_violation', CONSTRAINT = 'digest_stays_while_needed';\n        END IF;\n        RETURN NULL;\n    ", hash='10d972a103f561c773747b55500e52eda25032ff', level='STATEMENT', operation='DELETE', pgid='pgtrigger_digest_stays_while_needed_41b54', referencing='REFERENCING OLD TABLE AS old_digests ', table='leads_contactdigest', when='AFTER')),
        ),
        migrations.AddConstraint(
            model_name='contact',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('erased_at', None), ('sealed__isnull', False)), models.Q(('erased_at__isnull', False), ('sealed', None)), _connector='OR'), name='contact_is_whole_or_erased'),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='contact',
            trigger=pgtrigger.compiler.Trigger(name='contact_is_never_deleted', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot delete rows from % table', TG_TABLE_NAME;", hash='0771ddfbc4f906f60abe4846589012893cef3ecd', operation='DELETE', pgid='pgtrigger_contact_is_never_deleted_54aab', table='leads_contact', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='contact',
            trigger=pgtrigger.compiler.Trigger(name='contact_can_be_reached', sql=pgtrigger.compiler.UpsertTriggerSql(func="\n        IF EXISTS (\n            SELECT FROM new_contacts AS changed JOIN leads_contact AS contact ON contact.lead_id = changed.lead_id\n            WHERE contact.erased_at IS NULL\n                AND NOT EXISTS (SELECT FROM leads_contactdigest AS digest WHERE digest.lead_id = changed.lead_id)\n        ) THEN\n            RAISE EXCEPTION 'a contact has no phone and no email address'\n                USING ERRCODE = 'check_violation', CONSTRAINT = 'contact_can_be_reached';\n        END IF;\n        RETURN NULL;\n    ", hash='2800d656119b049af36a1029831e267465969c72', level='STATEMENT', operation='INSERT', pgid='pgtrigger_contact_can_be_reached_746ac', referencing='REFERENCING NEW TABLE AS new_contacts ', table='leads_contact', when='AFTER')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='contact',
            trigger=pgtrigger.compiler.Trigger(name='contact_erased_forgets_digests', sql=pgtrigger.compiler.UpsertTriggerSql(condition='WHEN (NEW."erased_at" IS NOT NULL)', func='DELETE FROM leads_contactdigest WHERE lead_id = NEW.lead_id; RETURN NULL;', hash='b0390d3aecf81fd774f71f39d497e0904ef6b0c8', operation='UPDATE OF "erased_at"', pgid='pgtrigger_contact_erased_forgets_digests_48c15', table='leads_contact', when='AFTER')),
        ),
        migrations.AddConstraint(
            model_name='consent',
            constraint=models.UniqueConstraint(condition=models.Q(('trustedform_url', ''), _negated=True), fields=('trustedform_url',), name='consent_certificate_used_once'),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='consent',
            trigger=pgtrigger.compiler.Trigger(name='consent_is_never_deleted', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot delete rows from % table', TG_TABLE_NAME;", hash='59c0ed6a11487ba941ec9efcd7c158ae45060948', operation='DELETE', pgid='pgtrigger_consent_is_never_deleted_64d4b', table='leads_consent', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='consent',
            trigger=pgtrigger.compiler.Trigger(name='consent_is_immutable', sql=pgtrigger.compiler.UpsertTriggerSql(func="\n                    IF (to_jsonb(OLD) - 'sealed_machine') <> (to_jsonb(NEW) - 'sealed_machine')\n                        OR (OLD.sealed_machine IS DISTINCT FROM NEW.sealed_machine AND coalesce(\n                            get_byte(OLD.sealed_machine, 0) = get_byte(NEW.sealed_machine, 0), true)) THEN\n                        RAISE EXCEPTION 'the evidence of a consent never changes'\n                            USING ERRCODE = 'check_violation', CONSTRAINT = 'consent_is_immutable';\n                    END IF;\n                    RETURN NEW;\n                ", hash='d614aedc2902a5a733e319ba71983f550ccda54f', operation='UPDATE', pgid='pgtrigger_consent_is_immutable_c1054', table='leads_consent', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='consent',
            trigger=pgtrigger.compiler.Trigger(name='consent_allows_the_legs', sql=pgtrigger.compiler.UpsertTriggerSql(declare='DECLARE wrong record;', func="\n                    SELECT text.most_companies AS allowed, lead.legs_authorized AS asked INTO wrong\n                    FROM new_consents AS consent\n                    JOIN leads_lead AS lead ON lead.id = consent.lead_id\n                    JOIN leads_consenttext AS text ON text.id = consent.text_id\n                    WHERE lead.legs_authorized > text.most_companies LIMIT 1;\n                    IF FOUND THEN\n                        RAISE EXCEPTION 'consent allows % companies, the lead has % legs', wrong.allowed, wrong.asked\n                            USING ERRCODE = 'check_violation', CONSTRAINT = 'consent_allows_the_legs';\n                    END IF;\n                    PERFORM 1 FROM new_consents AS consent\n                    JOIN leads_lead AS lead ON lead.id = consent.lead_id\n                    JOIN leads_source AS source ON source.id = lead.source_id\n                    JOIN leads_consenttext AS text ON text.id = consent.text_id\n                    WHERE text.source_id <> lead.source_id OR source.kind = 'compiled' LIMIT 1;\n                    IF FOUND THEN\n                        RAISE EXCEPTION 'the consent text must be its source''s own, and the source not compiled'\n                            USING ERRCODE = 'check_violation', CONSTRAINT = 'consent_is_to_its_source';\n                    END IF;\n                    RETURN NULL;\n                ", hash='23c833e79ffb1767cd036059dc4cac3eed90179d', level='STATEMENT', operation='INSERT', pgid='pgtrigger_consent_allows_the_legs_f8e98', referencing='REFERENCING NEW TABLE AS new_consents ', table='leads_consent', when='AFTER')),
        ),
        migrations.AddIndex(
            model_name='leg',
            index=models.Index(condition=models.Q(('status', 'held')), fields=['lead', 'held_until'], name='leg_held_by_lead'),
        ),
        migrations.AddIndex(
            model_name='leg',
            index=models.Index(condition=models.Q(('status', 'held')), fields=['held_for'], name='leg_held_by_holder'),
        ),
        migrations.AddConstraint(
            model_name='leg',
            constraint=models.UniqueConstraint(fields=('lead', 'number'), name='leg_number_is_unique'),
        ),
        migrations.AddConstraint(
            model_name='leg',
            constraint=models.CheckConstraint(condition=models.Q(('number__gte', 1)), name='leg_number_from_1'),
        ),
        migrations.AddConstraint(
            model_name='leg',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('aged_at', None), ('market', 'realtime')), models.Q(('aged_at__isnull', False), ('market', 'aged')), _connector='OR'), name='leg_aged_has_its_instant'),
        ),
        migrations.AddConstraint(
            model_name='leg',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('closed_reason__in', ['sold_elsewhere', 'exclusive', 'withdrawn', 'expired', 'not_for_resale', 'faulty']), ('status', 'closed')), models.Q(('closed_reason', ''), ('status__in', ['open', 'held', 'sold'])), _connector='OR'), name='leg_closed_says_why'),
        ),
        migrations.AddConstraint(
            model_name='leg',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('held_for__isnull', False), ('held_until__isnull', False), ('market', 'aged'), ('status', 'held')), models.Q(('status', 'held'), _negated=True), _connector='OR'), name='leg_held_says_for_whom_and_until_when'),
        ),
        migrations.AddConstraint(
            model_name='leg',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('status', 'open'), _negated=True), models.Q(('held_for', None), ('held_until', None)), _connector='OR'), name='leg_open_is_held_by_nobody'),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='leg',
            trigger=pgtrigger.compiler.Trigger(name='leg_is_never_deleted', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot delete rows from % table', TG_TABLE_NAME;", hash='937051dd395bda5e5975e61721539d5f9cfe04e0', operation='DELETE', pgid='pgtrigger_leg_is_never_deleted_eaa54', table='leads_leg', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='leg',
            trigger=pgtrigger.compiler.Trigger(name='leg_is_authorized', sql=pgtrigger.compiler.UpsertTriggerSql(declare='DECLARE wrong record;', func="\n                    SELECT most.number, lead.legs_authorized AS authorized INTO wrong\n                    FROM (SELECT lead_id, max(number) AS number FROM new_legs GROUP BY lead_id) AS most\n                    JOIN leads_lead AS lead ON lead.id = most.lead_id\n                    JOIN leads_source AS source ON source.id = lead.source_id\n                    LEFT JOIN leads_consent AS consent ON consent.lead_id = lead.id\n                    WHERE most.number > lead.legs_authorized\n                        OR lead.kind = 'compiled' OR source.kind = 'compiled' OR consent.id IS NULL\n                    LIMIT 1;\n                    IF wrong.number > wrong.authorized THEN\n                        RAISE EXCEPTION 'leg % of a lead that allows %', wrong.number, wrong.authorized\n                            USING ERRCODE = 'check_violation', CONSTRAINT = 'leg_is_authorized';\n                    ELSIF FOUND THEN\n                        RAISE EXCEPTION 'no legs without consent'\n                            USING ERRCODE = 'check_violation', CONSTRAINT = 'leg_needs_consent';\n                    END IF;\n                    RETURN NULL;\n                ", hash='a2323f9893efaea943b66721fa056b182960be33', level='STATEMENT', operation='INSERT', pgid='pgtrigger_leg_is_authorized_a3ecc', referencing='REFERENCING NEW TABLE AS new_legs ', table='leads_leg', when='AFTER')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='leg',
            trigger=pgtrigger.compiler.Trigger(name='leg_steps_are_allowed', sql=pgtrigger.compiler.UpsertTriggerSql(func="\n                    IF OLD.lead_id <> NEW.lead_id OR OLD.number <> NEW.number\n                        OR (OLD.status IN ('sold', 'closed') AND OLD IS DISTINCT FROM NEW)\n                        OR (OLD.market = 'aged' AND (NEW.market <> 'aged' OR NEW.aged_at <> OLD.aged_at)) THEN\n                        RAISE EXCEPTION 'a leg goes from open or held to sold or closed and never back, and ages once'\n                            USING ERRCODE = 'check_violation', CONSTRAINT = 'leg_steps_are_allowed';\n                    END IF;\n                    RETURN NEW;\n                ", hash='30bcc3b65cb4a26ab011df99eb2e5a879d3cdd78', operation='UPDATE', pgid='pgtrigger_leg_steps_are_allowed_ba0c1', table='leads_leg', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='leg',
            trigger=pgtrigger.compiler.Trigger(name='leg_counts_on_insert', sql=pgtrigger.compiler.UpsertTriggerSql(func="\n    PERFORM 1 FROM leads_lead WHERE id IN (SELECT lead_id FROM new_legs) ORDER BY id FOR NO KEY UPDATE;\n    UPDATE leads_lead AS lead SET times_sold = counted.sold, legs_realtime = counted.realtime, legs_left = counted.aged\n    FROM (SELECT DISTINCT lead_id FROM new_legs) AS one\n    CROSS JOIN LATERAL (SELECT \n    sum((status = 'sold' OR closed_reason = 'sold_elsewhere')::int) AS sold,\n    sum((status = 'open' AND market = 'realtime')::int) AS realtime,\n    sum((status IN ('open', 'held') AND market = 'aged')::int) AS aged\n FROM leads_leg AS leg WHERE leg.lead_id = one.lead_id) AS counted\n    WHERE lead.id = one.lead_id\n        AND (lead.times_sold, lead.legs_realtime, lead.legs_left) <> (counted.sold, counted.realtime, counted.aged);\n    RETURN NULL;\n", hash='ba08483727adcc924cecf227ddcec499cc8bd3fc', level='STATEMENT', operation='INSERT', pgid='pgtrigger_leg_counts_on_insert_1c73c', referencing='REFERENCING NEW TABLE AS new_legs ', table='leads_leg', when='AFTER')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='leg',
            trigger=pgtrigger.compiler.Trigger(name='leg_counts_on_update', sql=pgtrigger.compiler.UpsertTriggerSql(func="\n        UPDATE leads_lead AS lead\n        SET times_sold = lead.times_sold + change.sold,\n            legs_realtime = lead.legs_realtime + change.realtime,\n            legs_left = lead.legs_left + change.aged\n        FROM (\n            SELECT lead_id, sum(sold) AS sold, sum(realtime) AS realtime, sum(aged) AS aged\n            FROM (SELECT lead_id, \n    sum((status = 'sold' OR closed_reason = 'sold_elsewhere')::int) AS sold,\n    sum((status = 'open' AND market = 'realtime')::int) AS realtime,\n    sum((status IN ('open', 'held') AND market = 'aged')::int) AS aged\n FROM new_legs GROUP BY lead_id UNION ALL \n    SELECT lead_id, -sold AS sold, -realtime AS realtime, -aged AS aged\n    FROM (SELECT lead_id, \n    sum((status = 'sold' OR closed_reason = 'sold_elsewhere')::int) AS sold,\n    sum((status = 'open' AND market = 'realtime')::int) AS realtime,\n    sum((status IN ('open', 'held') AND market = 'aged')::int) AS aged\n FROM old_legs GROUP BY lead_id) AS before\n) AS parts GROUP BY lead_id\n            HAVING sum(sold) <> 0 OR sum(realtime) <> 0 OR sum(aged) <> 0\n        ) AS change\n        WHERE lead.id = change.lead_id;\n        RETURN NULL;\n    ", hash='f9fdc0bf638aef4cc6f1bbeeec9d5c117fed4216', level='STATEMENT', operation='UPDATE', pgid='pgtrigger_leg_counts_on_update_1f879', referencing='REFERENCING OLD TABLE AS old_legs  NEW TABLE AS new_legs ', table='leads_leg', when='AFTER')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='leg',
            trigger=pgtrigger.compiler.Trigger(name='leg_hold_is_told', sql=pgtrigger.compiler.UpsertTriggerSql(func="\n    INSERT INTO leads_change (leads)\n    SELECT array_agg(DISTINCT leg.lead_id) FROM new_legs AS leg JOIN old_legs AS was ON was.id = leg.id\n    WHERE 'held' IN (leg.status, was.status)\n        AND (leg.status, leg.held_until, leg.held_for) IS DISTINCT FROM (was.status, was.held_until, was.held_for)\n    HAVING count(*) > 0;\n    RETURN NULL;\n", hash='1ac7fb16e13fb35b5cbae6c90f3fd39fd4d65301', level='STATEMENT', operation='UPDATE', pgid='pgtrigger_leg_hold_is_told_bb17e', referencing='REFERENCING OLD TABLE AS old_legs  NEW TABLE AS new_legs ', table='leads_leg', when='AFTER')),
        ),
        migrations.AddConstraint(
            model_name='reveal',
            constraint=models.CheckConstraint(condition=models.Q(('reason', ''), _negated=True), name='reveal_gives_a_reason'),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='reveal',
            trigger=pgtrigger.compiler.Trigger(name='reveal_is_immutable', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;", hash='7d36b9059c706d467342a1ae25a636ed242275b6', operation='UPDATE OR DELETE', pgid='pgtrigger_reveal_is_immutable_99393', table='leads_reveal', when='BEFORE')),
        ),
        migrations.AddConstraint(
            model_name='consenttext',
            constraint=models.UniqueConstraint(fields=('source', 'version'), name='consent_text_version_is_unique'),
        ),
        migrations.AddConstraint(
            model_name='consenttext',
            constraint=models.CheckConstraint(condition=models.Q(('most_companies__range', (1, 20))), name='consent_text_companies_1_to_20'),
        ),
        migrations.AddConstraint(
            model_name='consenttext',
            constraint=models.CheckConstraint(condition=models.Q(('channels__len__gte', 1)), name='consent_text_covers_a_channel'),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='consenttext',
            trigger=pgtrigger.compiler.Trigger(name='consent_text_is_immutable', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;", hash='bf387609d3d9cb332d5a7df854b6d0d6a2d0f7ff', operation='UPDATE OR DELETE', pgid='pgtrigger_consent_text_is_immutable_e2842', table='leads_consenttext', when='BEFORE')),
        ),
        migrations.AddIndex(
            model_name='lead',
            index=models.Index(condition=models.Q(('legs_left__gt', 0)), fields=['vertical', 'captured_at'], name='lead_shelf_by_age'),
        ),
        migrations.AddIndex(
            model_name='lead',
            index=models.Index(condition=models.Q(('legs_left__gt', 0)), fields=['vertical', 'state', 'captured_at'], name='lead_shelf_by_state'),
        ),
        migrations.AddIndex(
            model_name='lead',
            index=models.Index(condition=models.Q(('legs_realtime__gt', 0)), fields=['vertical', 'captured_at'], name='lead_realtime_by_age'),
        ),
        migrations.AddConstraint(
            model_name='lead',
            constraint=models.UniqueConstraint(fields=('source', 'external_id'), name='lead_is_captured_once'),
        ),
        migrations.AddConstraint(
            model_name='lead',
            constraint=models.CheckConstraint(condition=models.Q(('legs_authorized__range', (1, 20))), name='lead_legs_1_to_20'),
        ),
        migrations.AddConstraint(
            model_name='lead',
            constraint=models.CheckConstraint(condition=models.Q(('kind__in', ['form', 'call', 'compiled'])), name='lead_kind_is_known'),
        ),
        migrations.AddConstraint(
            model_name='lead',
            constraint=models.CheckConstraint(condition=models.Q(('state__regex', '^[A-Z]{2}$')), name='lead_state_is_two_letters'),
        ),
        migrations.AddConstraint(
            model_name='lead',
            constraint=models.CheckConstraint(condition=models.Q(('postal_code__regex', '^(\\d{5})?$')), name='lead_postal_code_is_five_digits'),
        ),
        migrations.AddConstraint(
            model_name='lead',
            constraint=models.CheckConstraint(condition=models.Q(('captured_at__lte', django.db.models.expressions.CombinedExpression(models.F('received_at'), '+', models.Value(datetime.timedelta(seconds=300))))), name='lead_is_not_from_the_future'),
        ),
        migrations.AddConstraint(
            model_name='lead',
            constraint=models.CheckConstraint(condition=models.Q(('duplicate_of', None), models.Q(('duplicate_of', models.F('id')), _negated=True), _connector='OR'), name='lead_is_not_its_own_duplicate'),
        ),
        migrations.AddConstraint(
            model_name='lead',
            constraint=models.CheckConstraint(condition=models.Q(('times_sold__lte', models.F('legs_authorized'))), name='lead_is_never_sold_over_its_legs'),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='lead',
            trigger=pgtrigger.compiler.Trigger(name='lead_is_never_deleted', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot delete rows from % table', TG_TABLE_NAME;", hash='3cdf9822adfaf96c9aa108c2318dd9478698c316', operation='DELETE', pgid='pgtrigger_lead_is_never_deleted_c5cbf', table='leads_lead', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='lead',
            trigger=pgtrigger.compiler.Trigger(name='lead_terms_are_fixed', sql=pgtrigger.compiler.UpsertTriggerSql(condition='WHEN (OLD.captured_at IS DISTINCT FROM NEW.captured_at OR OLD.vertical_id IS DISTINCT FROM NEW.vertical_id OR OLD.source_id IS DISTINCT FROM NEW.source_id OR OLD.public_id IS DISTINCT FROM NEW.public_id OR OLD.legs_authorized IS DISTINCT FROM NEW.legs_authorized OR OLD.duplicate_of_id IS DISTINCT FROM NEW.duplicate_of_id OR OLD.kind IS DISTINCT FROM NEW.kind OR OLD.external_id IS DISTINCT FROM NEW.external_id OR (OLD.withdrawn_at IS NOT NULL AND OLD.withdrawn_at IS DISTINCT FROM NEW.withdrawn_at))', func="RAISE EXCEPTION 'what a lead is, where it came from and its stop never change' USING ERRCODE = 'check_violation', CONSTRAINT = 'lead_terms_are_fixed';", hash='0f80a0a955f13fcc4b1cc7c46c4148c15d0f927c', operation='UPDATE', pgid='pgtrigger_lead_terms_are_fixed_66a00', table='leads_lead', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='lead',
            trigger=pgtrigger.compiler.Trigger(name='lead_is_told', sql=pgtrigger.compiler.UpsertTriggerSql(func='\n    INSERT INTO leads_change (leads) SELECT array_agg(id) FROM new_leads WHERE legs_left > 0 HAVING count(*) > 0;\n    RETURN NULL;\n', hash='075645f88af7955b0228afec25f4d51d2ee88759', level='STATEMENT', operation='INSERT', pgid='pgtrigger_lead_is_told_fc2b7', referencing='REFERENCING NEW TABLE AS new_leads ', table='leads_lead', when='AFTER')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='lead',
            trigger=pgtrigger.compiler.Trigger(name='lead_change_is_told', sql=pgtrigger.compiler.UpsertTriggerSql(func="\n    INSERT INTO leads_change (leads, corrected)\n    SELECT coalesce(array_agg(id) FILTER (WHERE NOT corrected), '{}'),\n        coalesce(array_agg(id) FILTER (WHERE corrected), '{}')\n    FROM (\n        SELECT lead.id, (was.state, was.postal_code, was.phone_type, was.attributes, was.schema_id)\n            IS DISTINCT FROM (lead.state, lead.postal_code, lead.phone_type, lead.attributes, lead.schema_id)\n            AS corrected\n        FROM new_leads AS lead JOIN old_leads AS was ON was.id = lead.id\n        WHERE was.legs_left > 0 OR lead.legs_left > 0\n    ) AS changed HAVING count(*) > 0;\n    RETURN NULL;\n", hash='20a7c4cc42575810151b8ab2e1c215331298e14f', level='STATEMENT', operation='UPDATE', pgid='pgtrigger_lead_change_is_told_cfb19', referencing='REFERENCING OLD TABLE AS old_leads  NEW TABLE AS new_leads ', table='leads_lead', when='AFTER')),
        ),
        migrations.AddConstraint(
            model_name='importrun',
            constraint=models.CheckConstraint(condition=models.Q(('rows_read', django.db.models.expressions.CombinedExpression(django.db.models.expressions.CombinedExpression(django.db.models.expressions.CombinedExpression(models.F('taken'), '+', models.F('flagged')), '+', models.F('refused')), '+', models.F('duplicates')))), name='import_accounts_for_every_row'),
        ),
        migrations.AddConstraint(
            model_name='fieldschema',
            constraint=models.UniqueConstraint(fields=('vertical', 'version'), name='schema_version_is_unique'),
        ),
        migrations.AddConstraint(
            model_name='fieldschema',
            constraint=models.CheckConstraint(condition=models.Q(('version__gte', 1)), name='schema_version_from_1'),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='fieldschema',
            trigger=pgtrigger.compiler.Trigger(name='schema_is_immutable', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;", hash='cd16036ea5324562be423f3e42019509df00851e', operation='UPDATE OR DELETE', pgid='pgtrigger_schema_is_immutable_98332', table='leads_fieldschema', when='BEFORE')),
        ),
        migrations.AddConstraint(
            model_name='columnmapping',
            constraint=models.UniqueConstraint(fields=('source', 'vertical'), name='column_mapping_is_unique'),
        ),
    ]
